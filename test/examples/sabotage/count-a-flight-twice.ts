import { DelayTable } from '../../../examples/flights/statistics.ts'

const add = DelayTable.prototype.add
let calls = 0

DelayTable.prototype.add = function (flight) {
  add.call(this, flight)
  if (++calls === 1234) add.call(this, flight)
}
