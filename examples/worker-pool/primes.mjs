// Runs in a thread: counts the primes below a number, the slow way. Plain JavaScript, which every thread can load.
import { parentPort } from 'node:worker_threads'

function isPrime(n) {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false
  return n > 1
}

parentPort.on('message', below => {
  if (below < 0) throw new RangeError(`cannot count below ${below}`)
  let primes = 0
  for (let n = 0; n < below; n++) if (isPrime(n)) primes++
  parentPort.postMessage(primes, [])
})
