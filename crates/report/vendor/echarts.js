// The parts of Apache ECharts that reports draw with; `build` makes echarts.min.js of them.
import * as echarts from "echarts/core";
import { LineChart, SankeyChart } from "echarts/charts";
import { AriaComponent, DataZoomInsideComponent, GridComponent, LegendComponent, MarkAreaComponent, TooltipComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

echarts.use([
  LineChart, SankeyChart, AriaComponent, DataZoomInsideComponent, GridComponent, LegendComponent, MarkAreaComponent, TooltipComponent, SVGRenderer,
]);
export { connect, init, version } from "echarts/core";
