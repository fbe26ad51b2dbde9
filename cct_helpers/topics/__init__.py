"""Subjects of one or two notebooks each: ablation, costs, export, faithfulness, own images, text."""
