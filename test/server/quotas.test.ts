import { describe, expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const { alterClientQuotas, describeClientQuotas } = apis as unknown as Readonly<Record<string, Api>>

const scene = wireScenes()
const [invalidRequest, unsupportedVersion] = [42, 35]
const [exact, ofDefault, specified] = [0, 1, 2]

type Part = readonly [entityType: string, entityName: string | null]
type Quota = readonly [key: string, value: number | null]

const entityOf = (parts: readonly Part[]) =>
  parts.map(([entityType, entityName]) => ({ entityType, entityName }))

function start() {
  const { client } = scene()
  const ask = async (
    entries: readonly (readonly [entity: readonly Part[], quotas: readonly Quota[]])[],
    more: object = {},
  ) => {
    const answer = await client.call(alterClientQuotas!, 1, {
      entries: entries.map(([entity, quotas]) => ({
        entity: entityOf(entity),
        ops: quotas.map(([key, value]) => ({ key, value: value ?? 0, remove: value === null })),
      })),
      ...more,
    })
    return answer.entries
  }
  const alter = async (entity: readonly Part[], ...quotas: readonly Quota[]) => {
    const [{ errorCode, errorMessage }] = await ask([[entity, quotas]])
    return [errorCode, errorMessage]
  }
  const filter = (
    components: readonly (readonly [entityType: string, matchType: number, match?: string])[],
    strict = false,
  ) =>
    client.call(describeClientQuotas!, 1, {
      components: components.map(([entityType, matchType, match = null]) => ({
        entityType,
        matchType,
        match,
      })),
      strict,
    })
  /** A line for each entity. */
  const told = async (...asked: Parameters<typeof filter>): Promise<string[]> => {
    const { entries } = await filter(...asked)
    return entries
      .map(({ entity, values }: any) => {
        const parts = entity.map((each: any) => `${each.entityType}=${each.entityName}`)
        return [...parts, ...values.map(({ key, value }: any) => `${key}: ${value}`)].join(' ')
      })
      .sort()
  }
  return { client, ask, alter, filter, told }
}

const rate = 'producer_byte_rate'

describe('quotas', () => {
  it('are set and taken back, and told', async () => {
    const { alter, told } = start()
    expect(await alter([['user', 'ada']], [rate, 1024], ['request_percentage', 12.5])).toEqual([0, null])
    expect(await alter([['user', null]], [rate, 5])).toEqual([0, null])
    const largest = ['connection_creation_rate', 2 ** 31 - 1] as const
    expect(await alter([['ip', '127.0.0.1']], largest)).toEqual([0, null])
    expect(await told([['ip', 0, '127.0.0.1']])).toEqual([`ip=127.0.0.1 ${largest.join(': ')}`])
    expect(await alter([['ip', '127.0.0.1']], ['connection_creation_rate', 3])).toEqual([0, null])
    expect(await told([])).toEqual([
      'ip=127.0.0.1 connection_creation_rate: 3',
      'user=ada producer_byte_rate: 1024 request_percentage: 12.5',
      'user=null producer_byte_rate: 5',
    ])
    expect(await alter([['user', 'ada']], [rate, null], ['no_such_quota', null])).toEqual([0, null])
    expect(await alter([['user', null]], [rate, null])).toEqual([0, null])
    expect(await told([])).toEqual([
      'ip=127.0.0.1 connection_creation_rate: 3',
      'user=ada request_percentage: 12.5',
    ])
  })

  it('are only checked where a request says so', async () => {
    const { ask, told } = start()
    const [checked] = await ask([[[['user', 'ada']], [[rate, 1]]]], { validateOnly: true })
    expect(checked).toMatchObject({ errorCode: 0, entity: entityOf([['user', 'ada']]) })
    expect(await told([])).toEqual([])
  })

  it('are found by the parts of their entities', async () => {
    const { alter, told } = start()
    await alter([['user', 'ada']], [rate, 1])
    await alter([['user', null]], [rate, 2])
    await alter(
      [
        ['user', 'ada'],
        ['client-id', 'shop'],
      ],
      [rate, 3],
    )
    await alter([['client-id', null]], [rate, 4])
    const [ada, all, both, clients] = [
      'user=ada producer_byte_rate: 1',
      'user=null producer_byte_rate: 2',
      'client-id=shop user=ada producer_byte_rate: 3',
      'client-id=null producer_byte_rate: 4',
    ]
    expect(await told([['user', exact, 'ada']])).toEqual([both, ada])
    expect(await told([['user', exact, 'ada']], true)).toEqual([ada])
    expect(await told([['user', ofDefault]])).toEqual([all])
    expect(await told([['user', specified]])).toEqual([both, ada, all])
    expect(
      await told([
        ['user', specified],
        ['client-id', specified],
      ]),
    ).toEqual([both])
    expect(await told([['client-id', ofDefault]])).toEqual([clients])
    expect(await told([['ip', specified]])).toEqual([])
    expect(await told([], true)).toEqual([])
  })

  it('are of one entity, in whatever order its parts are named, and it is answered once', async () => {
    const { ask, told } = start()
    const answers = await ask([
      [
        [
          ['user', 'ada'],
          ['client-id', 'shop'],
        ],
        [[rate, 1]],
      ],
      [
        [
          ['client-id', 'shop'],
          ['user', 'ada'],
        ],
        [[rate, 2]],
      ],
    ])
    expect(answers).toMatchObject([
      {
        errorCode: invalidRequest,
        entity: entityOf([
          ['client-id', 'shop'],
          ['user', 'ada'],
        ]),
      },
    ])
    expect(await told([])).toEqual(['client-id=shop user=ada producer_byte_rate: 1'])
  })

  const refused: readonly (readonly [
    what: string,
    entity: readonly Part[],
    quotas: readonly Quota[],
    why: string,
  ])[] = [
    ['of nobody', [], [[rate, 1]], 'Invalid empty client quota entity'],
    ['of an unknown type', [['group', 'g']], [[rate, 1]], 'Unhandled client quota entity type: group'],
    ['of an empty name', [['client-id', '']], [[rate, 1]], 'Empty client-id not supported'],
    [
      'of an address and a user',
      [
        ['ip', '::1'],
        ['user', 'ada'],
      ],
      [[rate, 1]],
      'should not be combined',
    ],
    ['of what is no address', [['ip', 'not one!']], [['connection_creation_rate', 1]], 'not a valid IP'],
    ['that are unknown', [['user', 'ada']], [['nothing', 1]], 'Invalid configuration key nothing'],
    ['that every object has', [['user', 'ada']], [['toString', 1]], 'Invalid configuration key toString'],
    [
      'that are of addresses',
      [['user', 'ada']],
      [['connection_creation_rate', 1]],
      'Invalid configuration key',
    ],
    ['that are of users', [['ip', '::1']], [[rate, 1]], `Invalid configuration key ${rate}`],
    ['of nothing', [['user', 'ada']], [[rate, 0]], `Quota ${rate} must be greater than 0`],
    ['without end', [['user', 'ada']], [['controller_mutation_rate', Infinity]], 'must be a finite number'],
    ['of no number', [['user', 'ada']], [[rate, NaN]], `Quota ${rate} must be a finite number`],
    ['of a part of a byte', [['user', 'ada']], [[rate, 1.5]], `${rate} cannot be a fractional value.`],
    ['beyond all numbers', [['user', 'ada']], [[rate, 1e19]], 'too large for a LONG'],
    [
      'of one more than an INT',
      [['ip', '::1']],
      [['connection_creation_rate', 2 ** 31]],
      'too large for an INT',
    ],
    [
      'that are named twice',
      [['user', 'ada']],
      [
        [rate, 1],
        [rate, 2],
      ],
      'Ignoring duplicate entity',
    ],
  ]

  it.each(refused)('%s are refused, and nothing of the entity is set', async (_, entity, quotas, why) => {
    const { alter, told } = start()
    const others: readonly Quota[] = entity.some(([type]) => type === 'ip') ? [] : [['request_percentage', 5]]
    expect(await alter(entity, ...others, ...quotas)).toEqual([invalidRequest, expect.stringContaining(why)])
    expect(await told([])).toEqual([])
  })

  it.each<
    [what: string, components: Parameters<ReturnType<typeof start>['filter']>[0], code: number, why: string]
  >([
    ['no type', [['', specified]], invalidRequest, 'Invalid empty entity type.'],
    ['an unknown type', [['group', specified]], unsupportedVersion, 'Unsupported entity type group'],
    [
      'a type twice',
      [
        ['user', specified],
        ['user', ofDefault],
      ],
      invalidRequest,
      'more than once',
    ],
    ['no name where it is to be one', [['user', exact]], invalidRequest, 'MATCH_TYPE_EXACT'],
    ['a name where it is to be none', [['user', ofDefault, 'ada']], invalidRequest, 'MATCH_TYPE_DEFAULT'],
    ['a name where it is to be any', [['user', specified, 'ada']], invalidRequest, 'MATCH_TYPE_SPECIFIED'],
    ['an unknown match', [['user', 3]], invalidRequest, 'Unknown match type 3'],
    [
      'an address and a user',
      [
        ['ip', specified],
        ['user', specified],
      ],
      invalidRequest,
      'IP filter component',
    ],
  ])('are not found by %s', async (_, components, code, why) => {
    const { filter } = start()
    expect(await filter(components)).toMatchObject({
      errorCode: code,
      errorMessage: expect.stringContaining(why),
      entries: null,
    })
  })
})
