import { spawn, spawnSync } from 'node:child_process'
import { drive, isShared, Missing, password, tlsCa, until, user, values } from '../driver.js'

const [, version] = /Version (\S+) .*(librdkafka \S+)/.exec(
  spawnSync('kcat', ['-V'], { encoding: 'utf8' }).stdout,
)

const settings = config => Object.entries(config).flatMap(([name, value]) => ['-X', `${name}=${value}`])

function start(address, args, config = {}, input = undefined) {
  const child = spawn('kcat', ['-b', address, ...settings(config), ...args], {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  child.stdin?.end(input)
  return child
}

/** Runs it to its end; gives the lines that it printed. */
async function kcat(address, args, { config, input } = {}) {
  const child = start(address, args, config, input)
  let printed = ''
  let complained = ''
  child.stdout.on('data', chunk => {
    printed += chunk
  })
  child.stderr.on('data', chunk => {
    complained += chunk
  })
  const status = await new Promise(resolve => child.on('close', resolve))
  if (status !== 0) throw new Error(complained.trim().split('\n').at(-1))
  return printed.split('\n').filter(line => line !== '')
}

const group = { 'auto.offset.reset': 'earliest', 'heartbeat.interval.ms': 100, 'fetch.wait.max.ms': 50 }

/** A member that goes on until it is killed; it tells by lines. */
function member(address, args, onLine, config) {
  const child = start(address, ['-G', 'billing', ...args, 'orders'], { ...group, ...config })
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream.on('data', chunk => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()
      lines.forEach(onLine)
    })
  }
  return {
    leave: () =>
      new Promise(resolve => {
        child.on('close', resolve)
        child.kill('SIGTERM')
      }),
  }
}

async function roundTrip(address, count, { args = [], config } = {}) {
  const input = values(count).join('\n')
  await kcat(address, ['-P', '-t', 'orders', '-p', '0', ...args], {
    input,
    config: { 'linger.ms': 50, ...config },
  })
  const printed = await kcat(address, ['-C', '-t', 'orders', '-c', String(count), '-f', '%s\n'], { config })
  return { values: printed }
}

const classicOnly = protocol => {
  if (protocol !== 'classic') throw new Missing('is built on a librdkafka without KIP-848 groups')
}

await drive(version, {
  async produce(address) {
    const send = (args, input) => kcat(address, ['-P', '-t', 'orders', ...args], { input })
    await send(['-p', '0', '-k', 'a', '-H', 'trace=x'], 'one')
    await send(['-p', '1', '-k', 'b'], 'two')
    await send(['-p', '2', '-K', ':', '-Z'], 'c:')
    await send(['-k', 'd'], 'four')
  },

  async consume(address, protocol) {
    classicOnly(protocol)
    const args = ['-G', 'billing', '-c', '99', '-f', '%p %o %k %s %h\n', 'orders']
    const printed = await kcat(address, args, { config: group })
    return {
      records: printed.map(line => {
        const [partition, offset, key, value, headers] = line.split(' ')
        return [Number(partition), Number(offset), key, value, headers.replace('trace=', '')]
      }),
    }
  },

  async share(address, protocol) {
    classicOnly(protocol)
    const seen = []
    const done = until(() => seen.includes('stop'))
    const onLine = line => {
      if (line.startsWith('%')) return
      seen.push(line)
      done.changed()
    }
    const args = ['-u', '-f', '%s\n']
    const reader = member(address, args, onLine, { 'auto.commit.interval.ms': 20 })
    await done.promise
    await reader.leave()
    return { values: seen.slice(0, seen.indexOf('stop')) }
  },

  async rebalance(address, protocol) {
    classicOnly(protocol)
    const owned = new Map()
    const shared = count =>
      until(
        () =>
          owned.size === count && isShared([...owned.values()]) && [...owned.values()].flat().length === 6,
      )
    let wanted = shared(3)
    const members = [0, 1, 2].map(name =>
      member(address, [], line => {
        if (!line.includes('rebalanced')) return
        const [, assigned = ''] = /assigned: (.*)$/.exec(line) ?? []
        owned.set(
          name,
          Array.from(assigned.matchAll(/\[(\d+)\]/g), match => Number(match[1])),
        )
        wanted.changed()
      }),
    )
    await wanted.promise
    const three = [...owned.values()]
    wanted = shared(2)
    await members[0].leave()
    owned.delete(0)
    wanted.changed()
    await wanted.promise
    const two = [...owned.values()]
    await Promise.all(members.slice(1).map(each => each.leave()))
    return { three, two }
  },

  async seek(address) {
    const printed = await kcat(address, ['-C', '-t', 'orders', '-p', '0', '-o', '7', '-c', '3', '-f', '%o\n'])
    return { offsets: printed.map(Number) }
  },

  async offsets(address, timestamp) {
    const at = async time => {
      const [line] = await kcat(address, ['-Q', '-t', `orders:0:${time}`])
      return Number(/offset (\d+)/.exec(line)[1])
    }
    const found = { earliest: await at(-2), latest: await at(-1), byTime: await at(timestamp) }
    // It commits what it has read, and nothing else, so that it reads a record to learn what is committed.
    const read = count =>
      kcat(address, ['-G', 'billing', '-c', String(count), '-f', '%o\n', 'orders'], { config: group })
    await read(found.latest - found.earliest - 5)
    const [committed] = await read(1)
    return { ...found, committed: Number(committed), left: Number(committed) + 1 }
  },

  async reset(address) {
    const [first] = await kcat(address, ['-G', 'billing', '-c', '1', '-f', '%o\n', 'orders'], {
      config: group,
    })
    return { first: Number(first) }
  },

  codec: (address, name) => roundTrip(address, 50, { args: ['-z', name] }),
  sasl(address, mechanism) {
    if (mechanism !== 'PLAIN') {
      throw new Missing('is built on a librdkafka before 2.6.1, whose wrong nonce Kafka 4 refuses as well')
    }
    return roundTrip(address, 1, {
      config: {
        'security.protocol': 'SASL_PLAINTEXT',
        'sasl.mechanism': mechanism,
        'sasl.username': user,
        'sasl.password': password,
      },
    })
  },
  tls: address => roundTrip(address, 1, { config: { 'security.protocol': 'SSL', 'ssl.ca.location': tlsCa } }),
})
