import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ARMED, Space } from '../between/record.js'
import { Poller } from './poller.js'

test('before each sleep, and while it looks in vain, the owner sees to what is queued', async (t) => {
  const space = Space.create(1)
  let nrStalls = 0
  const poller = new Poller(space, {
    drain: () => 0,
    isDrained: () => true,
    onClaims: () => {},
    onStall: () => nrStalls++,
    isBusy: () => true,
    isAwaited: () => true,
    onRest: () => {},
  })
  t.after(() => poller.close())
  const untilAsleep = async () => {
    poller.look()
    do await new Promise(setImmediate)
    while (space.words[ARMED] === 0)
  }
  // Each time a job is given, though nothing has come home since the last sleep.
  for (let sleeps = 1; sleeps <= 40; sleeps++) {
    await untilAsleep()
    assert.ok(nrStalls >= sleeps, `${nrStalls} before ${sleeps} sleeps`)
  }
})
