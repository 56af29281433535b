import { counted } from '../../counted.ts'
import { ProtocolError } from './protocol-error.ts'
import type { Reader } from './reader.ts'
import type { Type, Version } from './type.ts'
import { Writer } from './writer.ts'

/** A field that only some versions have. A plain type is a field that every version has. */
export interface Field<out Read, in Write = Read> {
  readonly type: Type<Read, Write>
  /** The first version that has it. */
  readonly since: number
  /** The last version that has it. */
  readonly until: number
  readonly fallback: Read
  /** Its number, if it is a tagged field. */
  readonly tag: number | undefined
}

interface Range {
  readonly since?: number
  readonly until?: number
  readonly tag?: number
}

/** Describes a field of some versions, or with another default than its type's. */
export function field<Read, Write>(
  type: Type<Read, Write>,
  { since = 0, until = Number.POSITIVE_INFINITY, tag }: Range,
  fallback: NoInfer<Read> = type.zero,
): Field<Read, Write> {
  return { type, since, until, fallback, tag }
}

// biome-ignore lint/suspicious/noExplicitAny: stands for every field there is
type Fields = Readonly<Record<string, Field<any, any> | Type<any, any>>>

type ReadOf<F> =
  F extends Field<infer Read, infer _> ? Read : F extends Type<infer Read, infer _> ? Read : never
type WriteOf<F> =
  F extends Field<infer _, infer Write> ? Write : F extends Type<infer _, infer Write> ? Write : never

/** What a message reads as: all fields, with defaults for those that its version does not have. */
export type StructRead<F extends Fields> = { -readonly [Name in keyof F]: ReadOf<F[Name]> } & UnknownTags

/** What a message is written from; a field that is left out has its default. */
export type StructWrite<F extends Fields> = { readonly [Name in keyof F]?: WriteOf<F[Name]> } & UnknownTags

/** Tagged fields that the description does not know, kept so that they can be handed on. */
interface UnknownTags {
  readonly unknownTags?: readonly { readonly tag: number; readonly bytes: Buffer }[]
}

interface NamedField {
  readonly name: string
  readonly field: Field<unknown, unknown>
}

interface Layout {
  readonly plain: readonly NamedField[]
  readonly tagged: readonly NamedField[]
}

/** A structure of named fields, in the order in which they are described. */
export function struct<const F extends Fields>(fields: F): Type<StructRead<F>, StructWrite<F>> {
  return new Struct(fields) as unknown as Type<StructRead<F>, StructWrite<F>>
}

type Values = Record<string, unknown> & UnknownTags

class Struct implements Type<Values> {
  readonly #fields: readonly NamedField[]
  readonly #layouts: Layout[] = []

  constructor(fields: Fields) {
    this.#fields = Object.entries(fields).map(([name, given]) => ({
      name,
      field: 'type' in given ? given : field(given, {}),
    }))
  }

  get zero(): Values {
    return Object.fromEntries(this.#fields.map(({ name, field: { fallback } }) => [name, fallback]))
  }

  #layout(version: number): Layout {
    let layout = this.#layouts[version]
    if (layout === undefined) {
      const present = this.#fields.filter(
        ({ field: { since, until } }) => version >= since && version <= until,
      )
      const plain = present.filter(({ field: { tag } }) => tag === undefined)
      const tagged = present
        .filter(({ field: { tag } }) => tag !== undefined)
        .sort((a, b) => a.field.tag! - b.field.tag!)
      layout = { plain, tagged }
      this.#layouts[version] = layout
    }
    return layout
  }

  read(reader: Reader, version: Version): Values {
    const values: Values = {}
    const { plain, tagged } = this.#layout(version.version)
    for (const { name, field: described } of this.#fields) values[name] = described.fallback
    for (const { name, field: described } of plain) values[name] = described.type.read(reader, version)
    return version.flexible ? this.#readTagged(reader, version, tagged, values) : values
  }

  // KIP-482 wants them in order, and each once. Kafka takes them as they come, and of one that comes twice the last. Those
  // that are not known are kept, so they count as entries.
  #readTagged(reader: Reader, version: Version, tagged: readonly NamedField[], values: Values): Values {
    const unknown: { tag: number; bytes: Buffer }[] = []
    const count = reader.uvarint()
    for (let i = 0; i < count; i++) {
      const tag = reader.uvarint()
      const length = reader.uvarint()
      const known = tagged.find(({ field: described }) => described.tag === tag)
      if (known === undefined) {
        reader.countEntries(1)
        unknown.push({ tag, bytes: reader.take(length) })
        continue
      }
      const start = reader.offset
      values[known.name] = known.field.type.read(reader, version)
      const read = reader.offset - start
      if (read !== length) {
        throw new ProtocolError(`expected a tagged field of ${counted(length, 'byte')}, received ${read}`)
      }
    }
    return unknown.length === 0 ? values : { ...values, unknownTags: unknown }
  }

  write(writer: Writer, values: Values, version: Version): void {
    const { plain, tagged } = this.#layout(version.version)
    for (const { name, field: described } of plain) {
      const value = values[name]
      described.type.write(writer, value === undefined ? described.fallback : value, version)
    }
    if (version.flexible) writeTagged(writer, version, tagged, values)
  }
}

// Defaults are left out: a reader takes them for fields that are missing.
function writeTagged(writer: Writer, version: Version, tagged: readonly NamedField[], values: Values): void {
  const pieces: { tag: number; bytes: Buffer }[] = [...(values.unknownTags ?? [])]
  for (const { name, field: described } of tagged) {
    const value = values[name]
    if (value === undefined || isDefault(value, described.fallback)) continue
    const inside = new Writer()
    described.type.write(inside, value, version)
    pieces.push({ tag: described.tag!, bytes: inside.concat() })
  }
  writer.uvarint(pieces.length)
  for (const { tag, bytes } of pieces.sort((a, b) => a.tag - b.tag)) {
    writer.uvarint(tag)
    writer.uvarint(bytes.length)
    writer.bytes(bytes)
  }
}

function isDefault(value: unknown, fallback: unknown): boolean {
  if (value === fallback) return true
  if (Array.isArray(value)) return Array.isArray(fallback) && value.length === 0 && fallback.length === 0
  if (typeof value !== 'object' || value === null || typeof fallback !== 'object' || fallback === null)
    return false
  if (value instanceof Uint8Array) return value.length === 0 && (fallback as Uint8Array).length === 0
  return Object.entries(fallback).every(([name, each]) => {
    const own = (value as Record<string, unknown>)[name]
    return own === undefined || isDefault(own, each)
  })
}

/** A structure that may be null, which a byte before it tells. */
export function nullableStruct<Read, Write>(
  type: Type<Read, Write>,
  since: number = 0,
): Type<Read | null, Write | null> {
  return {
    zero: null,
    read(reader, version) {
      if (version.version < since) return type.read(reader, version)
      return reader.int8() < 0 ? null : type.read(reader, version)
    },
    write(writer, value, version) {
      if (version.version >= since) writer.int8(value === null ? -1 : 1)
      if (value !== null) type.write(writer, value, version)
    },
  }
}
