/** Starts the console. */
import { render } from 'preact';
import { App } from './app.js';
import { followOverview } from './overview/live-overview.js';
import { h } from './parts/html.js';

followOverview();
const place = document.getElementById('app');
if (place !== null) render(h(App, {}), place);
