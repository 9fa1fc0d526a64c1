/** What every command on the signer's keys and memory begins with: whose they are, the passphrase, and who asks. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { boundary } from '../kernel/fault.ts'
import type { SignerConfig } from '../config.ts'
import { HEAD } from '../ledger/lowdb/files.ts'
import { readSignerConfig } from './configuration.ts'
import { forbidConnections } from './guard.ts'
import { readPassphrase } from './terminal.ts'

/** Linux, since 2.6: whose login this process descends from, also through sudo. */
const LOGIN = '/proc/self/loginuid'
const NO_LOGIN = '4294967295'

/** Who gives a command on the signer's own machine, and about which keystore. */
export interface Asked {
  config: SignerConfig
  passphrase: string
  /** For the audit log: `uid 998, login 1000`. */
  by: string
}

/** Throws what `readSignerConfig` and `readPassphrase` throw, and boundary `wrong-user`. */
export async function prepareOffline(path: string, question?: string): Promise<Asked> {
  forbidConnections()
  const config = await readSignerConfig(path)
  await refuseOtherUser(config.dataDirectory)
  return { config, passphrase: await readPassphrase(config.keystore, question), by: await whoAsks() }
}

/** Files that another user left behind, root above all, would keep the service from its own memory. */
async function refuseOtherUser(directory: string): Promise<void> {
  const uid = process.geteuid?.()
  const found = await stat(join(directory, HEAD)).catch(() => null)
  if (found === null || uid === undefined || found.uid === uid) return
  throw boundary('wrong-user', `${directory} belongs to user ${found.uid}: run this as that user, not as ${uid}`)
}

/** For the audit log: `uid 998, login 1000`, the login where the kernel knows it. */
export async function whoAsks(): Promise<string> {
  const uid = `uid ${process.getuid?.() ?? 'unknown'}`
  const login = (await readFile(LOGIN, 'utf8').catch(() => NO_LOGIN)).trim()
  return login === NO_LOGIN || !/^\d+$/.test(login) ? uid : `${uid}, login ${login}`
}
