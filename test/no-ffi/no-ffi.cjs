// Preloaded by tests: neither the addon nor koffi is to be found, as on a platform that they have no binary for. Every
// thread runs it.
const Module = require('node:module')

function refuse(what) {
  throw Object.assign(new Error(`Cannot find module '${what}'`), { code: 'MODULE_NOT_FOUND' })
}

const resolve = Module._resolveFilename
Module._resolveFilename = function (request, ...rest) {
  if (/^(koffi$|@koromix\/)/.test(request)) refuse(request)
  return resolve.call(this, request, ...rest)
}

// The addon is loaded without require().
process.dlopen = (_module, file) => refuse(file)
