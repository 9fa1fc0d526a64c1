/** The real search for work: threads of their own, one for each processor but one, that try one slice after the other. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { createSearch, wordsOf, workModule } from '../../adapters/working.ts'
import type { Work } from '../kernel/ports.ts'

/** About a quarter of a second. */
const SLICE = 2 ** 20
/** Slices are handed out in turn, so that no number is tried twice. */
const FIRST = 1n

/** What runs in a thread: given the module's bytes, it searches through what it is sent. */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads')
const { exports: { search } } = new WebAssembly.Instance(new WebAssembly.Module(workerData))
parentPort.on('message', arguments_ => parentPort.postMessage(search(...arguments_)))
`

/** Threads that wait keep no process alive. */
export interface Workers {
  work: Work
  stop: () => Promise<void>
}

interface Search {
  words: readonly bigint[]
  threshold: bigint
  next: bigint
  tried: number
  progress: (tried: number) => void
  found: (work: bigint) => void
  failed: (error: Error) => void
}

/** The first search is worked on by all; the next ones wait. Threads are made with the first search. */
export function createWorkers(count = Math.max(1, availableParallelism() - 1)): Workers {
  const searches: Search[] = []
  const idle = new Set<Worker>()
  const threads: Worker[] = []

  function handOut(thread: Worker): void {
    const search = searches[0]
    if (search === undefined) {
      idle.add(thread)
      thread.unref()
      return
    }
    idle.delete(thread)
    thread.ref()
    const { words, next, threshold } = search
    search.next += BigInt(SLICE)
    thread.once('message', (answer: bigint) => hear(thread, search, BigInt.asUintN(64, answer)))
    thread.postMessage([...words, next, BigInt.asIntN(64, threshold), BigInt(SLICE)])
  }

  function hear(thread: Worker, search: Search, found: bigint): void {
    search.tried += SLICE
    if (searches[0] === search) {
      if (found !== 0n) {
        searches.shift()
        search.found(found)
      } else search.progress(search.tried)
    }
    handOut(thread)
  }

  function open(): void {
    createSearch() // S6: where the module is not right, nothing is searched for.
    for (let n = 0; n < count; n++) {
      const thread = new Worker(THREAD, { eval: true, workerData: workModule() })
      thread.on('error', error => {
        idle.delete(thread)
        for (const search of searches.splice(0)) search.failed(error)
      })
      threads.push(thread)
      idle.add(thread)
    }
  }

  return {
    work: (root, threshold, progress) =>
      new Promise((found, failed) => {
        if (threads.length === 0) open()
        searches.push({ words: wordsOf(root), threshold, next: FIRST, tried: 0, progress, found, failed })
        for (const thread of [...idle]) handOut(thread)
      }),
    async stop() {
      await Promise.all(threads.map(thread => thread.terminate()))
    },
  }
}
