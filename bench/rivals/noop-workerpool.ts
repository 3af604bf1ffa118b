/**
 * An empty job, as workerpool has it: the module registers it. Workers run it.
 */
import workerpool from 'workerpool'
import { noop } from './noop.js'

workerpool.worker({ noop })
