import { describe, expect, it } from 'vitest'
import { type Acl, toBinding } from '../../../src/server/authorizer/acl.ts'
import { AclBindings } from '../../../src/server/authorizer/acl-bindings.ts'
import { Authorizer } from '../../../src/server/authorizer/authorizer.ts'
import { allow } from './authorizer-scene.ts'

function authorizer(
  acls: readonly Acl[],
  options: { readonly superUsers?: readonly string[]; readonly allowEveryoneIfNoAclFound?: boolean } = {},
) {
  const bindings = new AclBindings()
  for (const acl of acls) bindings.add(toBinding(acl))
  const own = new Authorizer(bindings, options)
  const caller = (user: string, host: string) => ({ principal: `User:${user}`, host })
  return {
    bindings,
    may: (operation: Acl['operation'], topic: string, user = 'ada', host = '127.0.0.1') =>
      own.authorize(caller(user, host), operation, 'TOPIC', topic),
    mayWithAny: (operation: Acl['operation'], user = 'ada') =>
      own.authorizeAny(caller(user, '127.0.0.1'), operation, 'TOPIC'),
  }
}

const deny = (...list: Parameters<typeof allow>): Acl => ({ ...allow(...list), permissionType: 'DENY' })
const prefixed = (acl: Acl): Acl => ({ ...acl, patternType: 'PREFIXED' })

describe('an authorizer', () => {
  it('lets nobody do what no access list allows', () => {
    const { may } = authorizer([allow('READ', 'TOPIC', 'orders'), allow('READ', 'GROUP', 'payments')])
    expect(may('READ', 'orders')).toBe(true)
    expect(may('WRITE', 'orders')).toBe(false)
    expect(may('READ', 'payments')).toBe(false)
    expect(may('READ', 'orders', 'bo')).toBe(false)
  })

  it('lets somebody do with a topic what is forbidden with another one', () => {
    const { may, mayWithAny } = authorizer([
      allow('WRITE', 'TOPIC', 'orders'),
      deny('WRITE', 'TOPIC', 'payments'),
    ])
    expect([may('WRITE', 'orders'), may('WRITE', 'payments'), mayWithAny('WRITE')]).toEqual([
      true,
      false,
      true,
    ])
  })

  it('lets a super user do everything, even what is forbidden to all', () => {
    const everybody = { ...deny('ALL', 'TOPIC', '*'), principal: 'User:*' }
    const { may } = authorizer([everybody], { superUsers: ['User:root'] })
    expect(may('WRITE', 'orders', 'root')).toBe(true)
    expect(may('WRITE', 'orders')).toBe(false)
  })

  it('forbids what one list forbids, whatever others allow', () => {
    for (const denial of [
      deny('WRITE', 'TOPIC', 'orders'),
      deny('WRITE', 'TOPIC', '*'),
      deny('ALL', 'TOPIC', 'orders'),
      prefixed(deny('WRITE', 'TOPIC', 'ord')),
      { ...deny('WRITE', 'TOPIC', 'orders'), principal: 'User:*' },
    ]) {
      const { may } = authorizer([allow('ALL', 'TOPIC', 'orders'), denial, allow('WRITE', 'TOPIC', '*')])
      expect(may('WRITE', 'orders')).toBe(false)
    }
  })

  it('knows lists of one name, of a beginning, and of all names', () => {
    const { may } = authorizer([
      prefixed(allow('READ', 'TOPIC', 'shop.')),
      allow('WRITE', 'TOPIC', 'shop'),
      allow('CREATE', 'TOPIC', '*'),
    ])
    expect([may('READ', 'shop.orders'), may('READ', 'shop.'), may('READ', 'shop')]).toEqual([
      true,
      true,
      false,
    ])
    expect([may('WRITE', 'shop'), may('WRITE', 'shop.orders')]).toEqual([true, false])
    expect(may('CREATE', 'anything')).toBe(true)
  })

  it('knows lists of everybody, and of one address', () => {
    const { may } = authorizer([
      { ...allow('READ', 'TOPIC', 'orders'), principal: 'User:*' },
      { ...allow('WRITE', 'TOPIC', 'orders'), host: '10.0.0.1' },
    ])
    expect(may('READ', 'orders', 'anybody')).toBe(true)
    expect(may('WRITE', 'orders')).toBe(false)
    expect(may('WRITE', 'orders', 'ada', '10.0.0.1')).toBe(true)
  })

  // As commons-net, by which Apache Kafka 4.4 goes, answers.
  it.each([
    ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255'], ['11.0.0.0', '9.255.255.255', '::a00:1']],
    ['10.0.0.5/31', ['10.0.0.4', '10.0.0.5'], ['10.0.0.6']],
    ['10.0.0.0/32', ['10.0.0.0'], ['10.0.0.1']],
    ['0.0.0.0/0', ['10.0.0.1', '255.255.255.255'], ['::1', 'localhost', '']],
    ['::/0', ['::1', '2001:db8::1', '0:0:0:0:0:0:0:1'], ['10.0.0.1', 'localhost']],
    ['::1/128', ['::1', '0:0:0:0:0:0:0:1'], ['::', '::2']],
    ['fe80::/10', ['fe80::1', 'fe80::1%eth0', 'febf::'], ['fec0::', '::1']],
    ['2001:DB8::/032', ['2001:db8::1', '2001:db8:ffff:0:0:0:0:1'], ['2001:db9::', '2001:db7::1']],
    ['1:2:3:4:5:6:7:8/64', ['1:2:3:4::', '1:2:3:4:8:7:6:5'], ['1:2:3:5::']],
    ['::10.0.0.0/104', ['::a00:1', '::10.1.2.3'], ['::b00:1', '10.1.2.3']],
  ])('knows lists of the addresses of a subnet: %s', (host, within, without) => {
    const { may } = authorizer([{ ...allow('WRITE', 'TOPIC', 'orders'), host }])
    const asked = [...within, ...without].map(each => [each, may('WRITE', 'orders', 'ada', each)])
    expect(asked).toEqual([...within.map(each => [each, true]), ...without.map(each => [each, false])])
  })

  it('forbids what a subnet may not, whatever else allows it', () => {
    const { may } = authorizer([
      allow('READ', 'TOPIC', 'orders'),
      { ...deny('READ', 'TOPIC', 'orders'), host: '10.0.0.0/8' },
    ])
    expect(may('READ', 'orders', 'ada', '10.1.2.3')).toBe(false)
    expect(may('READ', 'orders', 'ada', '11.1.2.3')).toBe(true)
  })

  it('lets who may read, write, delete or alter describe, too, and who may alter configs describe those', () => {
    for (const operation of ['READ', 'WRITE', 'DELETE', 'ALTER', 'ALL'] as const) {
      expect(authorizer([allow(operation, 'TOPIC', 'orders')]).may('DESCRIBE', 'orders')).toBe(true)
    }
    for (const operation of ['CREATE', 'ALTER_CONFIGS', 'DESCRIBE_CONFIGS'] as const) {
      expect(authorizer([allow(operation, 'TOPIC', 'orders')]).may('DESCRIBE', 'orders')).toBe(false)
    }
    const { may } = authorizer([allow('ALTER_CONFIGS', 'TOPIC', 'orders')])
    expect(may('DESCRIBE_CONFIGS', 'orders')).toBe(true)
  })

  it('does not forbid to describe what it forbids to read', () => {
    const { may } = authorizer([deny('READ', 'TOPIC', 'orders'), allow('WRITE', 'TOPIC', 'orders')])
    expect(may('READ', 'orders')).toBe(false)
    expect(may('DESCRIBE', 'orders')).toBe(true)
  })

  it('lets everybody do everything where there is no list, if it is told to', () => {
    const { may } = authorizer([allow('READ', 'TOPIC', 'orders')], { allowEveryoneIfNoAclFound: true })
    expect(may('WRITE', 'payments', 'bo')).toBe(true)
    expect(may('WRITE', 'orders', 'bo')).toBe(false)
    expect(may('READ', 'orders')).toBe(true)
  })

  it('forgets a list that is deleted', () => {
    const { may, bindings } = authorizer([
      allow('READ', 'TOPIC', 'orders'),
      prefixed(allow('WRITE', 'TOPIC', 'ord')),
    ])
    for (const acl of bindings.all) bindings.delete(acl)
    expect([may('READ', 'orders'), may('WRITE', 'orders')]).toEqual([false, false])
  })

  it.each([
    ['nothing', [], false],
    ['one topic', [allow('WRITE', 'TOPIC', 'orders')], true],
    ['all of everything', [allow('ALL', 'TOPIC', '*')], true],
    ['a beginning', [prefixed(allow('WRITE', 'TOPIC', 'shop.'))], true],
    ['another right', [allow('READ', 'TOPIC', 'orders')], false],
    ['what is forbidden', [allow('WRITE', 'TOPIC', 'orders'), deny('WRITE', 'TOPIC', 'orders')], false],
    [
      'all, one of which is forbidden',
      [allow('WRITE', 'TOPIC', '*'), deny('WRITE', 'TOPIC', 'orders')],
      true,
    ],
    ['one, where all are forbidden', [allow('WRITE', 'TOPIC', 'orders'), deny('WRITE', 'TOPIC', '*')], false],
    [
      'a beginning of which a shorter one is forbidden',
      [prefixed(allow('WRITE', 'TOPIC', 'shop.a')), prefixed(deny('WRITE', 'TOPIC', 'shop'))],
      false,
    ],
    [
      'a beginning of which a longer one is forbidden',
      [prefixed(allow('WRITE', 'TOPIC', 'shop')), prefixed(deny('WRITE', 'TOPIC', 'shop.a'))],
      true,
    ],
  ] as const)('knows whether there may be a topic to write to for who may write to %s', (_, acls, may) => {
    expect(authorizer(acls).mayWithAny('WRITE')).toBe(may)
  })
})
