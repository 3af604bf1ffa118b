/** What threads load before TypeScript: docs/pool.md has the same four lines. Any thread. */
import { register as registerCommonJs } from 'tsx/cjs/api'
import { register } from 'tsx/esm/api'

register()
registerCommonJs()
