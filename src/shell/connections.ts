/** So many connections at once and no more: where another one comes, the one that has been idle for the longest makes room. */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

interface Connection {
  socket: Socket
  /** Requests that are being answered on it. */
  busy: number
}

/** By what is the same of a connection before and after its TLS handshake. */
const keyOf = (socket: Socket): unknown =>
  socket.remotePort === undefined ? socket : `${socket.remoteAddress} ${socket.remotePort}`

/**
 * Whoever holds connections and asks nothing cannot keep others out. A client whose idle connection is taken asks again on
 * a new one, as it must after any idle connection that has ended. Where all are being answered, the newcomer is refused.
 */
export function boundConnections(server: Server, maximum: number): void {
  // In the order in which they last became idle.
  const open = new Map<unknown, Connection>()
  const begin = (socket: Socket) => {
    const key = keyOf(socket)
    if (open.size >= maximum) (longestIdle(open.values()) ?? socket).destroy()
    open.set(key, { socket, busy: 0 })
    socket.once('close', () => open.delete(key))
  }
  server.on('connection', begin)
  server.on('request', ({ socket }, response) => {
    const key = keyOf(socket)
    const connection = open.get(key)
    if (connection === undefined) return
    connection.busy += 1
    response.once('close', () => {
      connection.busy -= 1
      if (open.delete(key)) open.set(key, connection)
    })
  })
}

function longestIdle(connections: Iterable<Connection>): Socket | undefined {
  for (const { socket, busy } of connections) if (busy === 0 && !socket.destroyed) return socket
  return undefined
}
