/**
 * A machine with a disk on which one process runs through its `main(ports)`. The process can die at any of its awaits:
 * then no call of its ports ever settles, its disk keeps what it would keep, and a supervisor starts it again.
 */
import { createHash } from 'node:crypto'
import { createSearch } from '../../adapters/nano/work-search.ts'
import { Fault, reasonOf } from '../../src/kernel/fault.ts'
import type { HttpCall, HttpResult, Ports } from '../../src/kernel/ports.ts'
import type { Handler } from '../../src/http.ts'
import { simulatedDisk, type DiskCall, type SimulatedDisk } from './disk.ts'
import type { World } from './world.ts'

/** The power goes and what was not synced with it, or only the process is killed. */
export type Fall = 'power' | 'kill'

/** The simulation puts a node of another network in the place of ours: that the chain halts, and says so, is right. */
const isOtherNetwork = (message: string, fields: Record<string, unknown> = {}): boolean =>
  message === 'chain halted' && fields['event'] === 'node.mismatched'

export interface Machine {
  readonly name: string
  /** Answers requests, or null while nothing listens. */
  handler(): Handler | null
  disk(): SimulatedDisk
  start(): void
  /** Does nothing when it is down already. */
  fall(how: Fall): void
  /** Falls at the n-th await from now on. */
  fallAt(count: number, how: Fall): void
  /** How many awaits have settled since it was made. */
  awaits(): number
  /** The disk is exchanged for another one while the machine is down. */
  replaceDisk(fill: (disk: SimulatedDisk) => void): void
}

export interface MachineOptions {
  name: string
  world: World
  boot: (ports: Ports) => Promise<{ handle: Handler }>
  request: (call: HttpCall) => Promise<HttpResult>
  /** How far its date is from the world's. */
  skewMs: () => number
  /** Files that are there from the beginning. */
  fill: (disk: SimulatedDisk) => void
  /** Whether the disk will fail once in the life that follows. */
  fails: () => boolean
  /** Milliseconds until the supervisor starts it again. */
  pauseMs: () => number
}

interface Life {
  isAlive: boolean
  handler: Handler | null
}

const search = createSearch()
const MAXIMUM_TRIES = 2 ** 40

const SYNC_MS = 12
const CALL_MS = 1
const MAXIMUM_GOOD_SYNCS = 30

export function createMachine(options: MachineOptions): Machine {
  const { name, world, boot, fill, fails, pauseMs } = options
  const { dice } = world
  let life: Life = { isAlive: false, handler: null }
  let awaits = 0
  let isFailing = false
  let doom: { at: number; how: Fall } | null = null
  let disk = simulatedDisk({ seed: dice.between(0, 2 ** 31), settle })
  fill(disk)

  /** Whether the process that waited is still there; here it may die. */
  function settles(its: Life, what: string): boolean {
    if (!its.isAlive) return false
    awaits++
    world.trace(`${name} ${what}`)
    if (doom === null || awaits < doom.at) return true
    const { how } = doom
    doom = null
    fall(how)
    return false
  }

  /** Resolves so much later, in this life only. */
  const later = (its: Life, ms: number, what: string): Promise<void> =>
    new Promise(resolve => {
      world.after(ms, () => {
        if (settles(its, what)) resolve()
      })
    })

  function settle(call: DiskCall, path: string): Promise<void> {
    const ms = call === 'sync' || call === 'syncDirectory' ? dice.between(0, SYNC_MS) : dice.between(0, CALL_MS)
    return later(life, ms, `${call} ${path}`)
  }

  function request(its: Life, call: HttpCall): Promise<HttpResult> {
    const what = `${call.method} ${call.url}`
    return new Promise((resolve, reject) => {
      options.request(call).then(
        result => {
          if (settles(its, `${what} ${result.status}`)) resolve(result)
        },
        (error: unknown) => {
          if (settles(its, `${what} ${reasonOf(error)}`))
            reject(error instanceof Error ? error : new Error(reasonOf(error)))
        },
      )
    })
  }

  const portsOf = (its: Life): Ports => ({
    clock: {
      now: () => world.now() + options.skewMs(),
      monotonic: () => world.now(),
      processor: () => 0,
      wake: (ms, run) =>
        world.after(ms, () => {
          if (settles(its, 'wake')) run()
        }),
    },
    random: { bytes: length => dice.bytes(length) },
    disk,
    request: call => request(its, call),
    derive: quickDerive,
    work: async (root, threshold) => search(root, threshold, 1n, MAXIMUM_TRIES)!,
    log(level, message, fields) {
      if (!its.isAlive) return
      const line = `${name} ${level}: ${message} ${JSON.stringify(fields ?? {})}`
      world.trace(line)
      if (level === 'error' && !isOtherNetwork(message, fields)) world.violate(line)
    },
    abort(reason) {
      if (!its.isAlive) return
      world.trace(`${name} aborts: ${reason}`)
      if (!isFailing) world.violate(`${name} aborted: ${reason}`)
      fall('kill')
    },
  })

  function start(): void {
    if (life.isAlive) return
    const its: Life = { isAlive: true, handler: null }
    life = its
    world.trace(`${name} starts`)
    boot(portsOf(its)).then(
      ({ handle }) => void (its.handler = handle),
      (error: unknown) => {
        if (!its.isAlive) return
        world.trace(`${name} did not start: ${reasonOf(error)}`)
        if (isFailing && !(error instanceof Fault)) return fall('kill')
        if (!(error instanceof Fault) || error.type === 'corruptStore' || error.type === 'invariant')
          world.violate(`${name} refuses to start: ${reasonOf(error)}`)
        fall('kill')
      },
    )
  }

  function fall(how: Fall): void {
    if (!life.isAlive) return
    life.isAlive = false
    life.handler = null
    world.trace(`${name} falls: ${how}`)
    isFailing = fails()
    const nth = dice.between(1, MAXIMUM_GOOD_SYNCS)
    const next = { seed: dice.between(0, 2 ** 31), settle, ...(isFailing && { fail: { call: 'sync' as const, nth } }) }
    disk = how === 'power' ? disk.crash(next) : disk.kill(next)
    world.after(pauseMs(), start)
  }

  return {
    name,
    handler: () => life.handler,
    disk: () => disk,
    start,
    fall,
    fallAt: (count, how) => void (doom = { at: awaits + count, how }),
    awaits: () => awaits,
    replaceDisk(fillAgain) {
      fall('kill')
      disk = simulatedDisk({ seed: dice.between(0, 2 ** 31), settle })
      fillAgain(disk)
    },
  }
}

/** Stands in for scrypt, whose only purpose is to be slow. */
export const quickDerive: Ports['derive'] = async (password, salt, cost, length) =>
  new Uint8Array(
    createHash('shake256', { outputLength: length })
      .update(JSON.stringify([...password]))
      .update(JSON.stringify([...salt]))
      .update(JSON.stringify(cost))
      .digest(),
  )
