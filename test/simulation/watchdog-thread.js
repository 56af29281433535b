import { writeSync } from 'node:fs'
import { Session } from 'node:inspector'
import { workerData as longestMs, parentPort } from 'node:worker_threads'

// The thread of a Watchdog; JavaScript, since a thread does not know of tsx. It writes by itself: the console of a thread
// goes through the main one.
let timer

parentPort.on('message', what => {
  clearTimeout(timer)
  if (what !== undefined) timer = setTimeout(bark, longestMs, what)
})

function bark(what) {
  writeSync(2, `${what} has not ended after ${longestMs / 1000} s\n`)
  // Where it is, if that can be found out.
  setTimeout(end, 10_000)
  const session = new Session()
  session.connectToMainThread()
  const urls = new Map()
  session.on('Debugger.scriptParsed', ({ params: { scriptId, url } }) => urls.set(scriptId, url))
  session.on('Debugger.paused', ({ params: { callFrames } }) => {
    for (const { functionName, location } of callFrames)
      writeSync(2, `    at ${functionName || '(anonymous)'} (${urls.get(location.scriptId)})\n`)
    end()
  })
  session.post('Debugger.enable')
  session.post('Debugger.pause')
}

// Nothing but a signal ends a thread that never waits.
function end() {
  process.kill(process.pid, 'SIGKILL')
}
