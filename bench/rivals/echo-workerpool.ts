/**
 * A job that returns what it got, as workerpool has it: the module registers it. Workers run it.
 */
import workerpool from 'workerpool'
import { echo } from './echo.js'

workerpool.worker({ echo })
