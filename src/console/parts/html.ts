/**
 * Templates. Elements are written in `html`; components are placed in them by `h`, whose properties the compiler
 * checks: html`<section>${h(DataTable, { ... })}</section>`.
 */
import { html as template } from 'htm/preact';
import { type ComponentChildren, h as create, type FunctionComponent, type Key, type VNode } from 'preact';

export const html: (strings: TemplateStringsArray, ...values: unknown[]) => VNode = template;

/** A component with its properties; `key` tells siblings of a list apart. */
export function h<P extends object>(
  component: (props: P) => VNode,
  props: P & { readonly key?: Key },
  ...children: ComponentChildren[]
): VNode {
  return create(component as FunctionComponent<P>, props, ...children) as VNode;
}
