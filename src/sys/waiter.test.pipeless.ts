/** A Node without the Pipe class, as far as loop.ts can see: import it first. Any thread. */
import { builtin } from '../lib/builtin.js'
import { wakeWay } from './loop.js'

const net = builtin('node:net') as { Socket: unknown }
const { Socket } = net
// Only while it is looked for: the output of a test may be a Socket too.
net.Socket = class {
  constructor() {
    throw new Error('another Node')
  }
}
export const way = wakeWay()
net.Socket = Socket
