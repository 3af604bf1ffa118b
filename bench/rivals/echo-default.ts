/**
 * A job that returns what it got, as a module's default export: for piscina and tinypool. Workers run it.
 */

export { echo as default } from './echo.js'
