"""Training steps, one after the other, for `fit`: Keras's `train_on_batch`, and on JAX one compiled function."""

import collections
import contextlib

import keras
import numpy as np

AHEAD = 8  # steps that JAX may be behind: more would only fill its memory with batches


def training_steps(model):
    """A context manager that takes the steps of an epoch: `with training_steps(model)() as step:`.

    model: compiled with a loss, one of Keras's optimizers (built) and the metric "top1".

    Inside, step(images, targets, learning_rate) takes one step and returns the means of loss and top-1 over the steps
    so far; on JAX these are arrays that may still be in the making. Afterwards the model has the new weights.
    """
    several_devices = keras.distribution.distribution() is not None
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)  # float16
    changed = "train_on_batch" in vars(model) or type(model).train_step is not keras.Model.train_step
    if keras.config.backend() == "jax" and not several_devices and not scaled and not changed:
        return _on_jax(model)
    return _on_any_backend(model)


def _on_any_backend(model):
    @contextlib.contextmanager
    def epoch():
        totals, done = np.zeros(2), 0

        def step(images, targets, learning_rate):
            nonlocal done
            model.optimizer.learning_rate = learning_rate
            model.reset_metrics()  # older Keras versions carry the mean over from batch to batch
            logs = model.train_on_batch(images, targets, return_dict=True)
            totals[:] += logs["loss"], logs["top1"]
            done += 1
            return totals / done

        yield step

    return epoch


def _on_jax(model):
    """The same with Keras's stateless calls. `train_on_batch` takes every weight out of the model and puts it back at
    each step; on an accelerator that can take longer than the step itself (notebooks/results/07_race_fit.json).
    """
    import jax
    import jax.numpy as jnp

    optimizer = model.optimizer
    lists = model.trainable_variables, model.non_trainable_variables, optimizer.variables
    rate_at = [variable is optimizer.learning_rate for variable in optimizer.variables].index(True)

    def loss_of(trainable, other, images, targets):
        logits, other, added = model.stateless_call(trainable, other, images, training=True, return_losses=True)
        return model.loss(targets, logits) + sum(added), (other, logits)

    @jax.jit
    def compiled(state, totals, images, targets, learning_rate):
        trainable, other, moments = state
        (loss, (other, logits)), gradients = jax.value_and_grad(loss_of, has_aux=True)(
            trainable, other, images, targets
        )
        moments = [learning_rate if i == rate_at else value for i, value in enumerate(moments)]
        trainable, moments = optimizer.stateless_apply(moments, gradients, trainable)
        top1 = (logits.argmax(axis=-1) == targets.argmax(axis=-1)).mean()
        totals = totals + jnp.stack([1.0, loss, top1])
        return (trainable, other, moments), totals, totals[1:] / totals[0]

    @contextlib.contextmanager
    def epoch():
        state = tuple([variable.value for variable in variables] for variables in lists)
        totals, coming = jnp.zeros(3), collections.deque()

        def step(images, targets, learning_rate):
            nonlocal state, totals
            state, totals, means = compiled(state, totals, images, targets, learning_rate)
            coming.append(means)
            if len(coming) > AHEAD:
                coming.popleft().block_until_ready()
            return means

        try:
            yield step
        finally:
            for variables, values in zip(lists, state, strict=True):
                for variable, value in zip(variables, values, strict=True):
                    variable.assign(value)

    return epoch
