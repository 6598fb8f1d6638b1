// The page of a node: which one is said by config.json, which the app's nginx.conf holds.
import { poll } from '../shared/poll.js';
import { askNode } from './node.js';
import { introduce, show } from './view.js';

const config = await (await fetch('config.json')).json();
introduce(config);
poll(askNode, (answer) => show(answer, config, Date.now() / 1000));
