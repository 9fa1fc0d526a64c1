#!/usr/bin/env node
/** What `npm run build:signer` bundles into one file. */
import { launch } from './launch.ts'

await launch(() => import('./signer-program.ts'))
