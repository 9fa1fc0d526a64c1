/** Configuration files from disk, and what the environment says instead of them. */
import { basename, dirname, resolve } from 'node:path'
import type { ConfigurationFile, Environment } from '../config/environment.ts'
import { boundary, Fault } from '../kernel/fault.ts'
import { loadSignerConfig, loadWatcherConfig, type SignerConfig, type WatcherConfig } from '../config.ts'
import { isFile, readText } from './files.ts'

/** @throws boundary `configuration`, naming the file and the key */
export const readWatcherConfig = (path: string): Promise<WatcherConfig> => read(path, loadWatcherConfig)

/** @throws boundary `configuration`, naming the file and the key */
export const readSignerConfig = (path: string): Promise<SignerConfig> => read(path, loadSignerConfig)

type Load<Config> = (
  text: string,
  baseDirectory: string,
  has: (path: string) => boolean,
  environment: Environment,
) => Config

async function read<Config>(path: string, load: Load<Config>): Promise<Config> {
  try {
    return load(await readText(path), dirname(resolve(path)), isFile, process.env)
  } catch (error) {
    if (error instanceof Fault) throw boundary('configuration', `${basename(path)}: ${error.message}`)
    throw error
  }
}

/** What offline commands read of either file: which one it is they find out. */
export const readConfigurationFile = async (path: string): Promise<ConfigurationFile> => ({
  ...{ path, text: await readText(path), environment: process.env },
})
