/**
 * Exports on the hub of models that torchvision and Ducho call by these names, without case and punctuation. They are the
 * same networks with weights of others than torchvision's.
 */
const exportsOf: Readonly<Record<string, string>> = {
  resnet18: 'Xenova/resnet-18',
  resnet34: 'Xenova/resnet-34',
  resnet50: 'Xenova/resnet-50',
  resnet101: 'Xenova/resnet-101',
  resnet152: 'Xenova/resnet-152',
  vitb16: 'Xenova/vit-base-patch16-224',
  swint: 'Xenova/swin-tiny-patch4-window7-224',
  swinb: 'Xenova/swin-base-patch4-window7-224',
  convnexttiny: 'Xenova/convnext-tiny-224',
  convnextsmall: 'Xenova/convnext-small-224',
  convnextbase: 'Xenova/convnext-base-224',
  mobilenetv2: 'Xenova/mobilenet_v2_1.0_224',
  efficientnetb0: 'Xenova/efficientnet-b0',
};

/** The export on the hub of a model of torchvision, undefined where none is known. */
export function torchvisionExport(model: string): string | undefined {
  return exportsOf[model.toLowerCase().replace(/[^a-z0-9]/g, '')];
}

/** What is worth knowing about such an export. */
export function torchvisionNote(model: string, mapped: string): string {
  return `${model} stands for ${mapped}: the same network, with other weights than torchvision’s`;
}
