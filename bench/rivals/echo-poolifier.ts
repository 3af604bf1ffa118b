/**
 * A job that returns what it got, as poolifier has it: the module is a worker of its class. Workers run it.
 */
import { ThreadWorker } from 'poolifier'
import { echo } from './echo.js'

export default new ThreadWorker<unknown, unknown>(echo)
