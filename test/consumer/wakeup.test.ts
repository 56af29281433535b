import { expect, it } from 'vitest'
import { Loop } from '../../src/consumer/loop.ts'
import { Wakeup } from '../../src/consumer/wakeup.ts'

it('runs a loop again that was woken while it was at work', async () => {
  let steps = 0
  const loop = new Loop(() => void steps++)
  loop.wake()
  loop.sleep()
  await undefined
  expect(steps).toBe(1)
  loop.wake()
  loop.wake()
  loop.sleep()
  await undefined
  expect(steps).toBe(2)
})

it('ends a wait at once that was woken before it began, and only that one', async () => {
  const wakeup = new Wakeup()
  wakeup.wake()
  wakeup.wake()
  await wakeup.wait()
  let woken = false
  const second = wakeup.wait().then(() => {
    woken = true
  })
  await undefined
  expect(woken).toBe(false)
  wakeup.wake()
  await second
})
