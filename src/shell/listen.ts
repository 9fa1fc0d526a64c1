/** Where a server listens: a TCP address, or a Unix socket that its group may use. */
import { chmod, lstat, readFile, unlink } from 'node:fs/promises'
import type { Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { boundary, operating, reasonOf } from '../kernel/fault.ts'

const SOCKET_MODE = 0o660
const OTHERS_MASK = 0o117
/** Linux, proc(5): one line a socket; the fourth column holds the flags, of which this one means that it listens. */
const SOCKET_TABLE = '/proc/net/unix'
const ACCEPTING = '00010000'

/** @returns the address in use. @throws operating `address-in-use`, boundary `invalid-address` */
export async function listen(server: Server, where: string): Promise<string> {
  if (where.startsWith('unix:')) return listenOnSocket(server, where.slice('unix:'.length))
  const [, host, port] = /^(?:\[?([^\]]*?)\]?):(\d{1,5})$/.exec(where) ?? []
  if (host === undefined) throw boundary('invalid-address', `${where} is neither host:port nor unix:/path`)
  await begin(server, where, () => server.listen({ host, port: Number(port), exclusive: true }))
  return `${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`
}

async function listenOnSocket(server: Server, path: string): Promise<string> {
  await removeStale(path)
  await begin(server, path, () => {
    // The socket is made inside listen(): a mask, unlike a chmod after it, leaves no moment open to everybody.
    const mask = process.umask(OTHERS_MASK)
    server.listen({ path })
    process.umask(mask)
  })
  await chmod(path, SOCKET_MODE)
  return `unix:${path}`
}

function begin(server: Server, where: string, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(operating('address-in-use', `cannot listen on ${where}: ${reasonOf(error)}`)))
    server.once('listening', resolve)
    start()
  })
}

/** A socket file outlives a killed process. It is removed only when nobody answers on it. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null)
  if (found === null) return
  if (!found.isSocket()) throw boundary('invalid-address', `${path} exists and is not a socket`)
  if (await isListenedOn(path)) throw operating('address-in-use', `another process listens on ${path}`)
  await unlink(path)
}

/** Linux says so without being asked on the socket: the signer, which shares this file, opens no connection. */
async function isListenedOn(path: string): Promise<boolean> {
  const table = await readFile(SOCKET_TABLE, 'utf8').catch(() => null)
  if (table === null) return answers(path)
  return table.split('\n').some(line => line.endsWith(` ${path}`) && line.split(/\s+/)[3] === ACCEPTING)
}

function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ path })
    const end = (isAlive: boolean) => {
      socket.destroy()
      resolve(isAlive)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}

/** Resolves when the last connection has ended. Node removes a Unix socket's file by itself. */
export function unlisten(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
}
