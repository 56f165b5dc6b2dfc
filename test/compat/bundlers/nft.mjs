import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { nodeFileTrace } from '@vercel/nft';

const { fileList } = await nodeFileTrace(['app.mjs']);
for (const path of fileList) cpSync(path, join('out/nft', path));
