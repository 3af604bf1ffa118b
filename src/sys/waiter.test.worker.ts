/** A thread with a waiter that its own loop wakes for ever: to be terminated at any instant. Worker thread. */
import './waiter.test.pipeless.js'
import './loop.test.worker.js'
