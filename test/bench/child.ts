/**
 * Measures one row in a process of its own, so that it does not run code that V8 has optimised for another row's types.
 */
import { full, quick } from './measure.ts'
import { rows } from './rows.ts'

const [name, size, where] = process.argv.slice(2)
const row = rows.find(each => each.name === name)
if (!row) throw new Error(`No row '${name}'`)
const figures = await row.measure(size === 'quick' ? quick : full, where)
process.send?.(figures, () => process.disconnect())
