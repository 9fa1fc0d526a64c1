/** The inspector's files as `npm run build` has left them beside the compiled command. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { z } from 'zod'
import type { BuiltFile } from '../inspector/files.ts'

const DIRECTORY = fileURLToPath(new URL('../../inspector/', import.meta.url))

const manifestSchema = z.array(
  z.object({ path: z.string(), file: z.string(), contentType: z.string(), isImmutable: z.boolean() }),
)

/**
 * Every file that the manifest lists, in memory: a few hundred kilobytes. Rejects when a file is missing: then the build
 * was not finished.
 */
export async function readInspector(directory = DIRECTORY): Promise<BuiltFile[]> {
  const manifest = manifestSchema.parse(JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8')))
  return Promise.all(
    manifest.map(async ({ file, ...listed }) => {
      const [body, brotli, gzip] = await Promise.all(
        ['', '.br', '.gz'].map(suffix => readFile(join(directory, `${file}${suffix}`))),
      )
      return { ...listed, body: body!, brotli: brotli!, gzip: gzip! }
    }),
  )
}
