"""Subjects of one or two notebooks each: ablation, convnets, costs, export, faithfulness, own images, text."""
