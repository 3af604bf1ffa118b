/**
 * The jobs that job-cancel.ts cancels, as workerpool has them: the module registers them. Workers run it.
 */
import workerpool from 'workerpool'
import { busy, cooperative, deaf, hold, noop } from './cancel-jobs.js'

workerpool.worker({ busy, cooperative, deaf, hold, noop })
