/** `npm run openapi`: writes the generated documents to `openapi/` of the package. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generateDocuments } from './generated-documents.js';

const FOLDER = new URL('../../../openapi/', import.meta.url);

generateDocuments().then((documents) => {
  for (const [name, text] of Object.entries(documents)) writeFileSync(fileURLToPath(new URL(name, FOLDER)), text);
}, console.error);
