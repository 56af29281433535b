/**
 * Writes src/server/protocol/messages from Kafka's own message definitions: facts about field names, types and versions.
 *
 *   tsx scripts/protocol.ts FOLDER     the folder `common/message` of a kafka-clients jar
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

// The APIs that the server answers.
const apis = [
  'Produce',
  'Fetch',
  'ListOffsets',
  'Metadata',
  'OffsetCommit',
  'OffsetFetch',
  'OffsetDelete',
  'FindCoordinator',
  'JoinGroup',
  'Heartbeat',
  'LeaveGroup',
  'SyncGroup',
  'DescribeGroups',
  'ListGroups',
  'SaslHandshake',
  'ApiVersions',
  'CreateTopics',
  'DeleteTopics',
  'DeleteRecords',
  'OffsetForLeaderEpoch',
  'InitProducerId',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'EndTxn',
  'TxnOffsetCommit',
  'DescribeConfigs',
  'AlterConfigs',
  'IncrementalAlterConfigs',
  'ListConfigResources',
  'DescribeAcls',
  'CreateAcls',
  'DeleteAcls',
  'SaslAuthenticate',
  'CreatePartitions',
  'DeleteGroups',
  'DescribeCluster',
  'DescribeProducers',
  'DescribeTransactions',
  'ListTransactions',
  'DescribeTopicPartitions',
  'ConsumerGroupHeartbeat',
  'ConsumerGroupDescribe',
  'DescribeLogDirs',
  'AlterReplicaLogDirs',
  'ElectLeaders',
  'ListPartitionReassignments',
  'AlterPartitionReassignments',
  'DescribeClientQuotas',
  'AlterClientQuotas',
  'ShareGroupHeartbeat',
  'ShareGroupDescribe',
  'ShareFetch',
  'ShareAcknowledge',
  'DescribeShareGroupOffsets',
  'AlterShareGroupOffsets',
  'DeleteShareGroupOffsets',
  'StreamsGroupHeartbeat',
  'StreamsGroupTopologyDescriptionUpdate',
  'StreamsGroupDescribe',
  'DescribeUserScramCredentials',
  'AlterUserScramCredentials',
  'DescribeQuorum',
  'UpdateFeatures',
  'CreateDelegationToken',
  'RenewDelegationToken',
  'ExpireDelegationToken',
  'DescribeDelegationToken',
]

interface FieldSpec {
  readonly name: string
  readonly type: string
  readonly versions: string
  readonly nullableVersions?: string
  readonly taggedVersions?: string
  readonly tag?: number
  readonly default?: unknown
  readonly fields?: readonly FieldSpec[]
}

interface MessageSpec {
  readonly apiKey: number
  readonly validVersions: string
  readonly flexibleVersions: string
  readonly fields: readonly FieldSpec[]
  readonly commonStructs?: readonly { readonly name: string; readonly fields: readonly FieldSpec[] }[]
}

const folder = process.argv[2]
if (folder === undefined) throw new Error('expected the folder of the message definitions')
const target = path.resolve(import.meta.dirname, '../src/server/protocol/messages')

function read(name: string): MessageSpec {
  const text = readFileSync(path.join(folder!, `${name}.json`), 'utf8')
  return JSON.parse(text.replace(/^\s*\/\/.*$/gm, '').replace(/(?<=[\],}])\s*\/\/ .*$/gm, ''))
}

type Range = readonly [min: number, max: number]

function range(text: string): Range {
  if (text === 'none') return [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  if (text.endsWith('+')) return [Number(text.slice(0, -1)), Number.POSITIVE_INFINITY]
  const [min, max = min] = text.split('-')
  return [Number(min), Number(max)]
}

const primitives = new Set([
  'bool',
  'int8',
  'int16',
  'uint16',
  'int32',
  'int64',
  'float64',
  'uuid',
  'string',
  'bytes',
  'records',
])

/** Writes one message, and collects what has to be imported. */
class Printer {
  readonly used: Set<string>
  readonly #spec: MessageSpec
  // The structs that a message has in several places, by name. Those of a request and its response are the same.
  readonly #common: Map<string, string>

  constructor(spec: MessageSpec, used: Set<string>, common: Map<string, string>) {
    this.#spec = spec
    this.used = used
    this.#common = common
  }

  message(): string {
    return this.#fields(this.#spec.fields, '  ', range(this.#spec.validVersions))
  }

  // Of each field only the versions are said that differ from those of what it is in.
  #fields(fields: readonly FieldSpec[], indent: string, within: Range): string {
    const lines = fields
      .filter(({ versions }) => range(versions)[0] <= within[1] && range(versions)[1] >= within[0])
      .map(spec => `${indent}  ${camel(spec.name)}: ${this.#field(spec, `${indent}  `, within)},\n`)
    return `{\n${lines.join('')}${indent}}`
  }

  #use(name: string): string {
    this.used.add(name)
    return name
  }

  #field(spec: FieldSpec, indent: string, [min, max]: Range): string {
    const [since, until] = range(spec.versions)
    const own: Range = [Math.max(since, min), Math.min(until, max)]
    const type = this.#nullable(spec, this.#type(spec.type, spec.fields, indent, own), own)
    const parts: string[] = []
    if (since > min) parts.push(`since: ${since}`)
    if (until < max) parts.push(`until: ${until}`)
    if (spec.tag !== undefined) parts.push(`tag: ${spec.tag}`)
    const fallback = this.#default(spec)
    if (parts.length === 0 && fallback === undefined) return type
    const given = parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`
    return `${this.#use('field')}(${type}, ${given}${fallback === undefined ? '' : `, ${fallback}`})`
  }

  #type(type: string, fields: readonly FieldSpec[] | undefined, indent: string, within: Range): string {
    if (type.startsWith('[]'))
      return `${this.#use('array')}(${this.#type(type.slice(2), fields, indent, within)})`
    if (primitives.has(type)) return this.#use(type)
    if (fields === undefined) return this.#commonStruct(type)
    return `${this.#use('struct')}(${this.#fields(fields, indent, within)})`
  }

  #commonStruct(type: string): string {
    const found = this.#spec.commonStructs?.find(({ name }) => name === type)
    if (found === undefined) throw new Error(`unknown type ${type}`)
    const name = camel(type)
    const text = `${this.#use('struct')}(${this.#fields(found.fields, '', range(this.#spec.validVersions))})`
    if ((this.#common.get(name) ?? text) !== text) throw new Error(`there are two kinds of ${type}`)
    this.#common.set(name, text)
    return name
  }

  #nullable(spec: FieldSpec, type: string, [min]: Range): string {
    if (spec.nullableVersions === undefined || spec.type === 'records') return type
    const [since] = range(spec.nullableVersions)
    const from = since > min ? `, ${since}` : ''
    const structure = !spec.type.startsWith('[]') && !primitives.has(spec.type)
    return `${this.#use(structure ? 'nullableStruct' : 'nullable')}(${type}${from})`
  }

  #default(spec: FieldSpec): string | undefined {
    if (spec.default === undefined) return undefined
    const text = String(spec.default)
    if (text === 'null') return 'null'
    if (spec.type === 'string') return text === '' ? undefined : `'${text}'`
    if (spec.type === 'bool') return text === 'true' ? 'true' : undefined
    const number = Number(text)
    if (!Number.isSafeInteger(number)) return 'Number.MAX_SAFE_INTEGER'
    return number === 0 ? undefined : text.startsWith('0x') ? String(number) : text
  }
}

function camel(name: string): string {
  return name[0]!.toLowerCase() + name.slice(1)
}

function kebab(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()
}

const structs = new Set(['field', 'struct', 'nullableStruct'])

for (const name of apis) {
  const request = read(`${name}Request`)
  const response = read(`${name}Response`)
  const used = new Set<string>()
  const common = new Map<string, string>()
  const bodies = [request, response].map(spec => new Printer(spec, used, common).message())
  const [min, max] = range(request.validVersions)
  const flexible = range(request.flexibleVersions)[0]
  const types = [...used].filter(each => !structs.has(each)).sort()
  const shapes = [...used].filter(each => structs.has(each)).sort()
  const text = [
    `import { api } from '../message.ts'\n`,
    shapes.length > 0 ? `import { ${shapes.join(', ')} } from '../struct.ts'\n` : '',
    types.length > 0 ? `import { ${types.join(', ')} } from '../type.ts'\n` : '',
    ...[...common].map(([each, body]) => `\nconst ${each} = ${body}\n`),
    `\nexport const ${camel(name)} = api(\n  '${name}',\n`,
    `  { key: ${request.apiKey}, versions: [${min}, ${max}], flexible: ${Number.isFinite(flexible) ? flexible : 'Number.POSITIVE_INFINITY'} },\n`,
    `  ${bodies[0]},\n  ${bodies[1]},\n)\n`,
  ].join('')
  writeFileSync(path.join(target, `${kebab(name)}.ts`), text)
}
const list = apis
  .map(api => ({ api, name: camel(api), file: kebab(api) }))
  .sort((a, b) => (a.file < b.file ? -1 : 1))
writeFileSync(
  path.join(target, '../api-name.ts'),
  [
    `// Written out: by way of \`apis\`, the declaration files would have to hold every message.\n`,
    `/** Kafka's name of an API that is spoken, such as \`Produce\` or \`JoinGroup\`. */\nexport type ApiName =\n`,
    list.map(({ api }) => `  | '${api}'\n`).join(''),
  ].join(''),
)
writeFileSync(
  path.join(target, '../apis.ts'),
  [
    `import type { ApiName } from './api-name.ts'\n`,
    ...list.map(({ name, file }) => `import { ${name} } from './messages/${file}.ts'\n`),
    `\n/** Every API that is spoken. */\nexport const apis = {\n`,
    ...list.map(({ name }) => `  ${name},\n`),
    `} as const satisfies Readonly<Record<Uncapitalize<ApiName>, unknown>>\n`,
  ].join(''),
)
console.log(`${apis.length} APIs`)
