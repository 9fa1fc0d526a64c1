/** `lockkeeper signer-memory`: the signer's memory to a file and back. Offline: a running signer holds the lock. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Derive, Disk, Log } from '../../adapters/ports.ts'
import type { SignerConfig } from '../config.ts'
import { readSignerConfig } from '../shell/configuration.ts'
import { createPorts } from '../shell/ports.ts'
import { readPassphrase } from '../shell/terminal.ts'
import { exportMemory } from '../signer/export.ts'
import { identityOf, type Identity } from '../signer/identity.ts'
import { importMemory } from '../signer/import.ts'
import { openKeystore } from '../signer/keystore.ts'
import { forgetRestored, noteRestored } from '../signer/restored.ts'
import type { Terminal } from './terminal.ts'

const CONFIG = ['--config <file>', 'the configuration file'] as const

export function addMemoryCommands(program: Command, terminal: Terminal): void {
  const memory = program.command('signer-memory').description("the signer's memory, while no signer runs")
  memory
    .command('export')
    .description('writes everything signed and voided into one file')
    .requiredOption(...CONFIG)
    .requiredOption('--out <file>', 'a new file')
    .action(async (options: { config: string; out: string }) => {
      const config = await readSignerConfig(options.config)
      const given = { passphrase: await readPassphrase(config.keystore), out: resolve(options.out) }
      await saveMemory(createPorts('error'), config, given, terminal)
    })
  memory
    .command('import')
    .description('takes in an exported file, where there is no memory or an older one')
    .requiredOption(...CONFIG)
    .requiredOption('--from <file>', 'what export wrote')
    .action(async (options: { config: string; from: string }) => {
      const config = await readSignerConfig(options.config)
      const given = { passphrase: await readPassphrase(config.keystore), from: resolve(options.from) }
      await loadMemory(createPorts('error'), config, given, terminal)
    })
  memory
    .command('begin')
    .description('states that the configured backend keys have never authorised anything for this phrase')
    .requiredOption(...CONFIG)
    .action(async (options: { config: string }) => {
      await beginMemory(createPorts('error'), await readSignerConfig(options.config), terminal)
    })
}

interface MemoryPorts {
  disk: Disk
  derive: Derive
  log: Log
}

async function withIdentity<T>(
  ports: MemoryPorts,
  config: SignerConfig,
  passphrase: string,
  use: (identity: Identity) => Promise<T>,
): Promise<T> {
  const seed = await openKeystore(ports, config.keystore.file, passphrase)
  try {
    return await use(identityOf(seed))
  } finally {
    seed.fill(0)
  }
}

async function saveMemory(
  ports: MemoryPorts,
  config: SignerConfig,
  { passphrase, out }: { passphrase: string; out: string },
  terminal: Terminal,
): Promise<void> {
  const { sequence, hash } = await withIdentity(ports, config, passphrase, identity =>
    exportMemory(ports.disk, config.dataDirectory, identity, out),
  )
  terminal.out(`${out}: the memory up to sequence ${sequence}, hash ${hash}`)
}

async function loadMemory(
  ports: MemoryPorts,
  config: SignerConfig,
  { passphrase, from }: { passphrase: string; from: string },
  terminal: Terminal,
): Promise<void> {
  const { metadata, before, isAhead } = await withIdentity(ports, config, passphrase, ({ key }) =>
    importMemory(ports, config.dataDirectory, key, from),
  )
  await forgetRestored(ports.disk, config.keystore.file)
  const { sequence, hash } = metadata
  if (isAhead || before === sequence)
    terminal.out(`nothing to import: this memory holds all of it, up to sequence ${sequence}`)
  else terminal.out(`imported sequence ${before + 1} to ${sequence}, hash ${hash}`)
}

/** A person's word that the configured backend keys were never used before: nobody else can know. */
async function beginMemory({ disk }: MemoryPorts, config: SignerConfig, terminal: Terminal): Promise<void> {
  const keys = config.authorisation?.keys ?? []
  await noteRestored(disk, config.keystore.file, keys)
  terminal.out(
    `noted: ${keys.length} backend keys that have authorised nothing before; the signer starts with these only`,
  )
}
