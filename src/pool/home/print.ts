/**
 * What jobs have printed, on this process's streams: relay.ts is the workers' side, and says why. Owner thread only.
 */
import { process } from '../../lib/globals.js'
import type { OutputPiece } from '../between/messages.js'

export function print(fd: number, pieces: readonly OutputPiece[]): void {
  const stream = fd === 1 ? process.stdout : process.stderr
  for (const [chunk, encoding] of pieces) {
    if (typeof chunk === 'string') stream.write(chunk, encoding)
    else stream.write(chunk)
  }
}
