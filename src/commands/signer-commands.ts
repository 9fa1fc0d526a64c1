/** The signer's commands: the service, and what its keeper does offline. Also all that the bundled signer knows. */
import { corruptStore } from '../kernel/fault.ts'
import type { LogLevel } from '../kernel/ports.ts'
import type { Machines } from '../kernel/step.ts'
import { readConfigurationFile } from '../shell/configuration.ts'
import { linesOf } from '../shell/files.ts'
import { prepareOffline } from '../shell/offline.ts'
import { createPorts } from '../shell/ports.ts'
import { runSigner } from '../shell/signer.ts'
import { choosePassphrase } from '../shell/terminal.ts'
import { identityIn } from '../signer/keys/identity.ts'
import { changePassphrase } from '../signer/keys/keystore.ts'
import { holding, recorded, type Deed } from '../signer/offline/recorded.ts'
import { checkProof, proveKeys } from '../signer/offline/prove.ts'
import { backUp } from './backup.ts'
import type { Command } from './command-line.ts'
import { HELP_GROUPS, PASSPHRASE_NOTE, SIGNER_CONFIG } from './help.ts'
import type { Terminal } from './terminal.ts'
import { verifyStore } from './verify.ts'

const NEW_PASSPHRASE_VARIABLE = 'LOCKKEEPER_NEW_PASSPHRASE'

export function addSignerCommands(program: Command, terminal: Terminal): void {
  const signer = program
    .command('signer')
    .helpGroup(HELP_GROUPS.run)
    .description('the service that keeps the keys and signs; `signer prove` shows that they are there')
    .requiredOption(...SIGNER_CONFIG)
    .note(PASSPHRASE_NOTE)
    .action(({ config, verbose }: { config: string; verbose?: boolean }) =>
      runSigner(config, levelOf(verbose), line => terminal.out(line)),
    )
  signer
    .command('prove')
    .description('signs a challenge with every key, while no signer runs; one JSON object a line')
    .requiredOption('--challenge <text>', 'what to sign: chosen by whoever wants the proof')
    .action(({ config, challenge }: { config: string; challenge: string }) => prove(config, challenge, terminal))
  addKeystore(program, terminal)
  addIdentity(program, terminal)
  addProofCheck(program, terminal)
}

/** Of the log, by `--verbose`. */
export const levelOf = (verbose: boolean | undefined): LogLevel => (verbose === true ? 'debug' : 'info')

async function prove(path: string, challenge: string, terminal: Terminal): Promise<void> {
  const { config, ...asked } = await prepareOffline(path)
  await proveKeys(createPorts('error'), config, { ...asked, challenge }, line => terminal.out(line))
}

function addKeystore(program: Command, terminal: Terminal): void {
  program
    .command('keystore')
    .helpGroup(HELP_GROUPS.keys)
    .description('the encrypted recovery phrase: another passphrase')
    .command('passphrase')
    .description(`encrypts it under a new passphrase: ${NEW_PASSPHRASE_VARIABLE}, else asked`)
    .requiredOption(...SIGNER_CONFIG)
    .note(PASSPHRASE_NOTE)
    .action(async (options: { config: string }) => {
      const { config, passphrase: old, by } = await prepareOffline(options.config, 'Passphrase until now: ')
      const { dataDirectory: directory, keystore } = config
      const chosen = await choosePassphrase(NEW_PASSPHRASE_VARIABLE)
      await holding(createPorts('error'), directory, async held => {
        const { identity, binding } = await identityIn(held, keystore.file, old)
        const deed: Deed = { directory, identity, binding, command: 'passphrase', by, about: null }
        await recorded(held, deed, () => changePassphrase(held, keystore.file, { old, new: chosen }))
      })
      terminal.out(`${keystore.file} opens with the new passphrase; older copies of it still open with the old one`)
    })
}

function addProofCheck(program: Command, terminal: Terminal): void {
  program
    .command('check-proof')
    .helpGroup(HELP_GROUPS.look)
    .description('checks what `signer prove` has printed; needs no keys and no configuration')
    .requiredOption('--proof <file>', 'what it has printed')
    .requiredOption('--challenge <text>', 'what was to be signed')
    .action(async ({ proof, challenge }: { proof: string; challenge: string }) => {
      const { identity, chains } = await checkProof(linesOf(proof), challenge)
      const counts = [...chains].map(([chain, count]) => `${count} addresses of ${chain}`)
      terminal.out(`good: identity ${identity}; ${counts.join(', ') || 'no addresses'}`)
    })
}

/** Backends pin it, and name it in every intent. Needs the passphrase, and no lock: it changes nothing. */
function addIdentity(program: Command, terminal: Terminal): void {
  program
    .command('identity')
    .helpGroup(HELP_GROUPS.keys)
    .description("prints the signer's identity key, base64: what intents and attestations name")
    .requiredOption(...SIGNER_CONFIG)
    .note(PASSPHRASE_NOTE)
    .action(async (options: { config: string }) => {
      const { config, passphrase } = await prepareOffline(options.config)
      const { identity } = await identityIn(createPorts('error'), config.keystore.file, passphrase)
      terminal.out(identity.key)
    })
}

/** @param loadMachines the watcher's, as far as the program has them */
export function addBackup(program: Command, terminal: Terminal, loadMachines: () => Promise<Machines | null>): void {
  program
    .command('backup')
    .helpGroup(HELP_GROUPS.look)
    .description("copies a ledger, or a signer's memory and audit log, while it is in use, and verifies the copy")
    .requiredOption('--config <file>', "the watcher's or the signer's configuration")
    .requiredOption('--out <directory>', 'a new folder')
    .action(async ({ config, out }: { config: string; out: string }) => {
      const { disk } = createPorts('error')
      const file = await readConfigurationFile(config)
      await backUp(disk, { ...file, out }, await loadMachines(), terminal)
    })
}

/** @param loadMachines the watcher's, as far as the program has them */
export function addVerify(program: Command, terminal: Terminal, loadMachines: () => Promise<Machines | null>): void {
  program
    .command('verify')
    .helpGroup(HELP_GROUPS.look)
    .description("checks every record of a ledger, or of a signer's memory and audit log, while nothing runs on it")
    .requiredOption('--config <file>', "the watcher's or the signer's configuration")
    .action(async ({ config }: { config: string }) => {
      const { disk } = createPorts('error')
      const file = await readConfigurationFile(config)
      if (!(await verifyStore(disk, file, await loadMachines(), terminal))) throw corruptStore('the store is damaged')
    })
}
