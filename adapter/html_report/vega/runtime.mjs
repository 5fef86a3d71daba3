// What reports take of Vega: built to vega-runtime.js as SOURCE says.
export {parse, View} from 'vega';
export {compile} from 'vega-lite';
export {expressionInterpreter} from 'vega-interpreter';
