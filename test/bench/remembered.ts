/**
 * A signer that has signed much: how long its start takes, and what it holds. The memory is written by what the API's routes
 * write it with, past HTTP and past the signing itself, with the same images for other withdrawals.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { signingId, voidId } from '../../machines/ids.ts'
import { tell, type EventOf, type Message } from '../../machines/messages.ts'
import type { SignerKind } from '../../machines/ids.ts'
import { isKind } from '../../src/kernel/entry.ts'
import { loadSignerConfig } from '../../src/config.ts'
import { createDisk } from '../../src/shell/disk.ts'
import { createClock, derive } from '../../src/shell/ports.ts'
import { openMemory, memoryIn, type SignerMemory } from '../../src/signer/memory/memory.ts'
import { main } from '../../src/signer/main.ts'
import { openFlooded } from '../signer/attack/flood.ts'
import * as rigs from '../signer/rig.ts'
import { authorised, intent, simple } from '../signer/rig.ts'
import { UNSIGNED_BOUNDS } from '../../src/signer/signing/attempts.ts'
import { benchRow, type BenchRow, type Progress } from './measure.ts'

interface RememberedSizes {
  signed: number
  voids: number
  addresses: number
}

const AT_ONCE = 200
const AMOUNT = 1_000_000n
const SECOND_MS = 1000
const PLENTY = { headroom: 1_000_000_000, perHour: 1_000_000_000 }

const limits = { addresses: PLENTY, ownTransfers: PLENTY, voids: PLENTY }

type SignerMessage = Message<SignerKind>

/** As the API has left one: its events, from what became of it. */
async function signedOnce(rig: rigs.Rig): Promise<(n: number, at: number) => SignerMessage[]> {
  const { attempts, chain, memory } = await openFlooded(rig, { unsigned: UNSIGNED_BOUNDS, limits })
  const template = simple(AMOUNT, 1)
  const instance = await attempts.sign(chain, {
    transferId: 't',
    n: 1,
    template,
    intents: [authorised(intent('w', AMOUNT))],
  })
  await memory.close()
  if (!isKind(instance, 'signing') || instance.context.signed === null) throw new Error('it was not signed')
  const { digest, spendKeys, fee, outflow, signed } = instance.context
  return (n, at) => {
    const transferId = `${n}`.padStart(64, '0')
    const id = signingId('litecoin', transferId, 1)
    const name = `withdrawal-${n}`
    const signing: EventOf<'signing', 'template.signed'>['data'] = {
      ...signed,
      intents: signed.intents.map(each => ({ ...each, id: name })),
      signedAt: at,
    }
    return [
      tell(id, 'request.received', at, { chain: 'litecoin', transferId, n: 1, digest }),
      tell(id, 'template.inspected', at, {
        spendKeys: spendKeys.map(key => `${key}${n}`),
        fee,
        outflow,
        bindsSpendKeys: false,
        tokens: {},
        rounds: { [name]: 1 },
      }),
      tell(id, 'template.signed', at, signing),
    ]
  }
}

async function write(memory: SignerMemory, count: number, messages: (n: number, at: number) => SignerMessage[]) {
  const from = Date.parse('2020-01-01T00:00:00Z')
  for (let n = 0; n < count; n++) {
    const at = from + n * SECOND_MS * 30
    memory.change(messages(n, at), at)
    if (n % AT_ONCE === AT_ONCE - 1) await memory.settled()
  }
  await memory.settled()
}

/** The memory of such a signer in the rig's directory. */
async function remember(rig: rigs.Rig, { signed, voids, addresses }: RememberedSizes, progress: Progress) {
  const of = await signedOnce(rig)
  const flooded = await openFlooded(rig, { unsigned: UNSIGNED_BOUNDS, limits })
  progress(`a memory of ${addresses} addresses`)
  for (let size = 1000; size <= addresses; size += 1000) await flooded.chain.pool.grow(size, null)
  await flooded.memory.settled()
  await flooded.memory.close()
  const { dataDirectory } = rig.config
  const ledgerId = await memoryIn(rig.ports.disk, dataDirectory)
  const memory = await openMemory(rig.ports, dataDirectory, ledgerId!, { seed: rigs.SEED })
  progress(`a memory of ${signed} signed withdrawals`)
  await write(memory, signed, of)
  progress(`a memory of ${voids} voids`)
  await write(memory, voids, (n, at) => {
    const withdrawal = `void-${n}`
    const told = { chain: 'litecoin', withdrawal, round: 1, signed: [] }
    return [tell(voidId('litecoin', withdrawal, 1), 'withdrawal.voided', at, told)]
  })
  await memory.close()
}

/** In a process of its own, as after a restart: what the start takes, and what is held then. */
interface Started {
  seconds: number
  rssMiB: number
  heldMiB: number
}

const MIB = 2 ** 20

async function startIn(directory: string): Promise<Started> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const ports = {
    clock: createClock(),
    random: { bytes: (length: number) => new Uint8Array(length).fill(7) },
    disk: createDisk(),
    request: () => Promise.reject(new Error('the signer opens no connection')),
    derive,
    log: () => undefined,
    abort: (reason: string) => {
      throw new Error(reason)
    },
  }
  const config = loadSignerConfig(rigs.configText(''), directory)
  const before = process.memoryUsage()
  const at = performance.now()
  const signer = await main(ports, config, rigs.PASSPHRASE)
  const seconds = (performance.now() - at) / 1000
  const { rss } = process.memoryUsage()
  collect()
  const after = process.memoryUsage()
  await signer.stop()
  const held = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
  return { seconds, rssMiB: Math.round(rss / MIB), heldMiB: Math.round(held / MIB) }
}

const SELF = fileURLToPath(import.meta.url)

async function benchRemembered(sizes: RememberedSizes, progress: Progress): Promise<BenchRow[]> {
  const rig = await rigs.createRig()
  try {
    await remember(rig, sizes, progress)
    progress('the start of a signer with a large memory')
    const { stdout, stderr, status } = spawnSync(process.execPath, [SELF, rig.directory], { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    const started = JSON.parse(stdout) as Started
    const { signed, voids, addresses } = sizes
    const what = `${signed} signed withdrawals, ${voids} voids, ${addresses} addresses`
    const bytesEach = Math.round((started.heldMiB * MIB) / (signed + voids))
    return [
      benchRow('seconds until a signer with a large memory serves', started.seconds, { most: 10 }, what),
      benchRow(
        'its resident memory, MiB',
        started.rssMiB,
        { most: 512 },
        `${started.heldMiB} MiB held, ${bytesEach} bytes a promise`,
      ),
    ]
  } finally {
    await rigs.discard(rig)
  }
}

if (process.argv[1] === SELF && process.argv[2] !== undefined) {
  const [argument] = process.argv.slice(2)
  if (/^\d+$/.test(argument!)) {
    const count = Number(argument)
    const rows = await benchRemembered({ signed: count, voids: count, addresses: count / 5 }, line =>
      process.stderr.write(`${line}\n`),
    )
    process.stdout.write(`${JSON.stringify(rows, null, 1)}\n`)
  } else process.stdout.write(JSON.stringify(await startIn(argument!)))
}
