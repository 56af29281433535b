import { BarChart } from 'echarts/charts'
import { GridComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([BarChart, GridComponent, TitleComponent, SVGRenderer])

const width = 900
const barHeight = 24
const titleHeight = 34
const gap = 40
const padding = 10
const ours = '#d9480f'
const theirs = '#adb5bd'

/**
 * Draws panels of bars, one below the other, each on a logarithmic axis; returns an SVG.
 *
 * @param {readonly { title: string, bars: readonly { name: string, value: number, ours: boolean }[] }[]} panels
 */
export function draw(panels) {
  let bottom = padding
  const tops = panels.map(({ bars }) => {
    const top = bottom
    bottom += titleHeight + bars.length * barHeight + gap
    return top
  })
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height: bottom })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: panels.map(({ title }, i) => ({
      text: title,
      top: tops[i],
      left: 10,
      textStyle: { fontSize: 15 },
    })),
    grid: panels.map(({ bars }, i) => ({
      top: tops[i] + titleHeight,
      height: bars.length * barHeight,
      left: 190,
      right: 90,
    })),
    xAxis: panels.map(({ bars }, i) => ({
      gridIndex: i,
      type: 'log',
      min: 10 ** Math.floor(Math.log10(Math.min(...bars.map(({ value }) => value)))),
      axisLabel: { formatter: value => value.toLocaleString('en') },
    })),
    yAxis: panels.map(({ bars }, i) => ({
      gridIndex: i,
      type: 'category',
      inverse: true,
      data: bars.map(({ name }) => name),
      axisTick: { show: false },
    })),
    series: panels.map(({ bars }, i) => ({
      type: 'bar',
      xAxisIndex: i,
      yAxisIndex: i,
      data: bars.map(bar => ({ value: bar.value, itemStyle: { color: bar.ours ? ours : theirs } })),
      label: {
        show: true,
        position: 'right',
        formatter: ({ value }) => Math.round(value).toLocaleString('en'),
      },
    })),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}
