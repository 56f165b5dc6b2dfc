/**
 * The compiler of JSON schemas. The build replaces this module by one with the compiler in it: see `scripts/bundle.js`.
 */
export { Compile } from 'typebox/schema';
