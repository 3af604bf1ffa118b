// Preloaded by no-ffi.test.ts: koffi is not to be found, as on a platform it has no binary for. Every thread runs it.
const Module = require('node:module')

function refuse(what) {
  throw Object.assign(new Error(`Cannot find module '${what}'`), { code: 'MODULE_NOT_FOUND' })
}

const resolve = Module._resolveFilename
Module._resolveFilename = function (request, ...rest) {
  if (/^(koffi$|@koromix\/)/.test(request)) refuse(request)
  return resolve.call(this, request, ...rest)
}

// Its binary is loaded without require().
const { dlopen } = process
process.dlopen = function (module, file, ...rest) {
  if (file.endsWith('/koffi.node')) refuse(file)
  return dlopen.call(this, module, file, ...rest)
}
