/**
 * An empty job, as poolifier has it: the module is a worker of its class. Workers run it.
 */
import { ThreadWorker } from 'poolifier'
import { noop } from './noop.js'

export default new ThreadWorker(noop)
