/** The signer on a real machine: its configuration, its passphrase, real ports and a server. */
import type { Log, LogLevel } from '../kernel/ports.ts'
import type { SignerConfig } from '../config.ts'
import { keepTokens } from '../http/token-file.ts'
import { main, type Signer } from '../signer/main.ts'
import { refuseSlowBackend } from './backend.ts'
import { readSignerConfig } from './configuration.ts'
import { runUntilSignal, type Running } from './daemon.ts'
import { readText, refuseOpenSecret } from './files.ts'
import { forbidConnections } from './guard.ts'
import { serve, SERVER_LIMITS, type ServerTls } from './koa.ts'
import { watchPlace } from './place.ts'
import { createPorts } from './ports.ts'
import { processMetrics } from './process-metrics.ts'
import { readPassphrase } from './terminal.ts'

/** Its clients are watchers: a handful, with a few requests at once each. */
const LIMITS = { ...SERVER_LIMITS, connections: 256 }

/**
 * Serves until a signal ends it; `out` gets the one line that says so.
 * @throws what `readSignerConfig`, `readPassphrase`, the signer's `main` and `serve` throw, before it serves
 */
export async function runSigner(configPath: string, level: LogLevel, out: (line: string) => void): Promise<void> {
  forbidConnections()
  const config = await readSignerConfig(configPath)
  await refuseOpenSecrets(config)
  const passphrase = await readPassphrase(config.keystore)
  // Neither a child nor a diagnostic report of Node is to find it.
  if (config.keystore.passphraseEnv !== undefined) Reflect.deleteProperty(process.env, config.keystore.passphraseEnv)
  await runUntilSignal(
    () => startSigner(config, passphrase, level),
    address => {
      out(`lockkeeper signer ready on ${address}`)
    },
  )
}

/** Tokens, keystore, and what opens it. Throws boundary `configuration` for one that is open to everybody. */
export async function refuseOpenSecrets({ tokenFile, keystore, tls }: SignerConfig): Promise<void> {
  for (const path of [tokenFile, keystore.file, keystore.passphraseFile, tls?.key])
    if (path !== undefined) await refuseOpenSecret(path)
}

/** Rejects with what the keystore, the memory or the configuration is wrong with. */
export async function startSigner(config: SignerConfig, passphrase: string, level: LogLevel): Promise<Running> {
  refuseSlowBackend()
  const ports = createPorts(level)
  const signer = await main(ports, config, passphrase, () => processMetrics('signer'))
  try {
    const server = await serve(signer.handle, { listen: config.listen, tls: await readTls(config.tls), limits: LIMITS })
    const stopLooking = watchPlace({ ...ports, check: () => signer.check() })
    const stop = async () => {
      stopLooking()
      await server.stop()
      await signer.stop()
      ports.close()
    }
    return { address: server.address, reload: () => reload(config, ports.log, signer), stop }
  } catch (error) {
    await signer.stop()
    ports.close()
    throw error
  }
}

/** As at the start: what everybody may read is no secret. */
async function reload({ tokenFile }: SignerConfig, log: Log, signer: Signer): Promise<void> {
  try {
    await refuseOpenSecret(tokenFile)
  } catch (error) {
    return keepTokens(log, tokenFile, error)
  }
  await signer.reload()
}

async function readTls(tls: SignerConfig['tls']): Promise<ServerTls | undefined> {
  if (tls === undefined) return undefined
  const [ca, cert, key] = await Promise.all([readText(tls.ca), readText(tls.cert), readText(tls.key)])
  return { ca, cert, key, clientFingerprints: tls.clientFingerprints }
}
