// Preloaded by doctor.test.ts: no Pipe class is to be had by way of a Socket, as in some Node to come. Every thread runs it.
const net = require('node:net')

net.Socket = new Proxy(net.Socket, {
  construct(Socket, [options]) {
    // Output to pipes goes through here too.
    if (options?.readable === true && options.fd !== undefined) throw new Error('another Node')
    return new Socket(options)
  },
})
