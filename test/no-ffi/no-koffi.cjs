// Preloaded by no-ffi.test.ts: koffi is not to be found, as on a platform it has no binary for. Every thread runs it.
const Module = require('node:module')

const resolve = Module._resolveFilename
Module._resolveFilename = function (request, ...rest) {
  if (/^(koffi$|@koromix\/)/.test(request))
    throw Object.assign(new Error(`Cannot find module '${request}'`), { code: 'MODULE_NOT_FOUND' })
  return resolve.call(this, request, ...rest)
}
