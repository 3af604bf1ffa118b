/** Makes the environment of a thread before anything else runs in it. */
import { enter } from './environments.js'

enter('before', process.env['TEST_ENVIRONMENT'])
