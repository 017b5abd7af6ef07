import { expect, it } from 'vitest';
import { webgpuAdapter } from '../src/probes.ts';

it.each([
  [{}, 'a WebGPU adapter'],
  [{ VK_DRIVER_FILES: '' }, 'a WebGPU adapter'],
  [{ VK_ICD_FILENAMES: '/usr/share/vulkan/icd.d/nvidia_icd.json' }, 'a WebGPU adapter'],
  [
    { VK_DRIVER_FILES: '/usr/lib/chromium/vk_swiftshader_icd.json' },
    'a software adapter on the processor (SwiftShader)',
  ],
  [
    { VK_ICD_FILENAMES: '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json' },
    'a software adapter on the processor (llvmpipe)',
  ],
  // The loader reads the first where both are set.
  [
    { VK_DRIVER_FILES: '/opt/nvidia_icd.json', VK_ICD_FILENAMES: '/opt/vk_swiftshader_icd.json' },
    'a WebGPU adapter',
  ],
  [{ VK_DRIVER_FILES: '/opt/nvidia_icd.json:/opt/vk_swiftshader_icd.json' }, 'a WebGPU adapter'],
])('%j names %s', (env, wanted) => {
  expect(webgpuAdapter(env)).toBe(wanted);
});
