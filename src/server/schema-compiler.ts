/** The compiler of JSON schemas. The build replaces this module by one that contains it: see `scripts/bundle.js`. */
export { Compile } from 'typebox/schema';
