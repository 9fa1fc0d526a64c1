/** The watcher on a real machine: its configuration, real ports and a server. */
import type { BuiltFile } from '../inspector/files.ts'
import { reasonOf } from '../kernel/fault.ts'
import type { LogLevel, Ports } from '../kernel/ports.ts'
import type { WatcherConfig } from '../config.ts'
import { main } from '../watcher/main.ts'
import { readWatcherConfig } from './configuration.ts'
import { runUntilSignal, type Running } from './daemon.ts'
import { readText } from './files.ts'
import { serve } from './koa.ts'
import { watchPlace } from './place.ts'
import { readInspector } from './inspector.ts'
import { createPorts } from './ports.ts'
import { processMetrics } from './process-metrics.ts'
import { refuseHalfMade } from './rebuild-mark.ts'
import { createRequest } from './request.ts'
import { createWorkers } from './work.ts'

/**
 * Serves until a signal ends it; `out` gets the one line that says so.
 * @throws what `readWatcherConfig`, `refuseHalfMade`, the watcher's `main` and `serve` throw, before it serves
 */
export async function runWatcher(configPath: string, level: LogLevel, out: (line: string) => void): Promise<void> {
  const config = await readWatcherConfig(configPath)
  await runUntilSignal(
    () => startWatcher(config, level),
    address => {
      out(`lockkeeper watcher ready on ${address}`)
    },
  )
}

/** Rejects with what the configuration, the ledger or the signer's TLS is wrong with. */
export async function startWatcher(config: WatcherConfig, level: LogLevel): Promise<Running> {
  const workers = createWorkers()
  const ports = createPorts(level, createRequest(await clientTls(config.signer)), workers.work)
  await refuseHalfMade(ports.disk, config.dataDirectory)
  const watcher = await main(ports, config, {
    inspector: await inspectorFiles(ports),
    processMetrics: () => processMetrics('watcher'),
  })
  try {
    const server = await serve(watcher.handle, { listen: config.listen, tls: undefined })
    const stopLooking = watchPlace({ ...ports, check: () => watcher.check() })
    const stop = async () => {
      stopLooking()
      await Promise.all([server.stop(), watcher.stop(), workers.stop()])
      ports.close()
    }
    return { address: server.address, reload: () => watcher.reload(), stop }
  } catch (error) {
    await watcher.stop()
    ports.close()
    throw error
  }
}

/** The page is for people; what pays does not wait for it. */
async function inspectorFiles({ log }: Ports): Promise<BuiltFile[]> {
  try {
    return await readInspector()
  } catch (error) {
    log('warn', 'the inspector is not served: this build has none', { reason: reasonOf(error) })
    return []
  }
}

/** The contents of the files that the configuration names. */
export async function clientTls({ url, tls }: WatcherConfig['signer']) {
  if (tls === undefined) return undefined
  const [ca, cert, key] = await Promise.all([readText(tls.ca), readText(tls.cert), readText(tls.key)])
  // Nodes and webhooks are other parties: the system's authorities judge them, and they get no certificate of ours.
  return { ca, cert, key, origin: new URL(url).origin }
}
