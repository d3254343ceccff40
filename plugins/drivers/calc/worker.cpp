#include "worker.h"

#include "closing.h"
#include "file_names.h"

namespace fishnet
{

Worker::Worker(std::shared_ptr<const Plan> plan, std::unique_ptr<InputReader> reader)
    : m_plan(std::move(plan)), m_reader(std::move(reader))
{
}

std::unique_ptr<Worker> Worker::Open(std::shared_ptr<const Plan> plan, std::shared_ptr<SharedBlocks> blocks,
                                     fn_error *err)
{
    if (UsePool(plan->inputs))
        WaitAtEnd();
    std::unique_ptr<InputReader> reader = InputReader::Open(plan->inputs, plan->handlesOfEach, std::move(blocks), err);
    return reader ? std::make_unique<Worker>(std::move(plan), std::move(reader)) : nullptr;
}

std::unique_ptr<Worker> Worker::OpenRemote(const PlanSource &source, const std::string &signature, fn_error *err)
{
    fn_recipe recipe = {};
    if (fn_recipe_parse(source.connection.c_str(), source.openOptions.List(), &recipe, err) != FN_OK)
        return nullptr;
    const std::unique_ptr<fn_recipe, void (*)(fn_recipe *)> owner(&recipe, fn_recipe_clear);
    InputHandles handles;
    MessageCollector collector; /* the host has heard them */
    std::shared_ptr<const Plan> plan = Plan::Make(recipe, source.overview, handles);
    if (!plan) {
        if (IsRemoteName(source.connection))
            ForgetRemote(source.connection); /* the next attempt asks the server again */
        fn_fail(err, FN_ERR_READ, "a worker process cannot open its input: %s",
                collector.Cause("not recognized as a raster dataset").c_str());
        return nullptr;
    }
    if (plan->Signature() != signature) {
        FailAsChanged(plan->inputs.data(), plan->inputs.size(), err);
        return nullptr;
    }
    auto reader = std::make_unique<InputReader>(plan->inputs, std::move(handles),
                                                std::make_shared<SharedBlocks>(source.sharedBytes));
    return std::make_unique<Worker>(std::move(plan), std::move(reader));
}

bool Worker::PassThrough(const fn_window &window, const Plan::Group &group, char *result)
{
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    std::vector<BandBuffer> bands;
    for (size_t i = group.first; i < group.first + group.count; i++) {
        const Output &output = m_plan->outputs[i];
        bands.push_back({output.band, output.isMask, output.type, result + m_plan->Offset(group, i, pixels)});
    }
    return m_reader->ReadBands(0, bands, window);
}

fn_status Worker::Compute(const fn_window &window, const Plan::Group &group, char *result, const volatile bool *cancel,
                          fn_error *err)
{
    const size_t pixels = static_cast<size_t>(window.width * window.height);
    std::vector<fn_sink> out(group.count);
    for (size_t i = 0; i < group.count; i++) {
        const Output &output = m_plan->outputs[group.first + i];
        out[i].data = result + m_plan->Offset(group, group.first + i, pixels);
        out[i].type = output.type;
        out[i].nodata = output.nodata;
        out[i].equals_stay = output.equalsStay;
    }
    return m_plan->expr->Compute(*m_reader, window, out, m_memory, cancel, err);
}

fn_status Worker::Run(fn_task &task, Notes &messages, fn_error *err)
{
    const int64_t tiles = fn_grid_tile_count(&m_plan->grid);
    const Plan::Group &group = m_plan->groups[static_cast<size_t>(task.number / tiles)];
    return RunWindow(m_plan->InputWindow(task.number), group, static_cast<char *>(task.result), task.cancel, messages,
                     err);
}

fn_status Worker::RunWindow(const fn_window &window, const Plan::Group &group, char *result,
                            const volatile bool *cancel, Notes &messages, fn_error *err)
{
    MessageCollector collector;
    fn_error reason = {};
    fn_status status = FN_OK;
    if (m_plan->expr)
        status = Compute(window, group, result, cancel, &reason);
    else if (!PassThrough(window, group, result))
        status = FN_ERR_READ;
    if (status == FN_OK)
        messages = std::move(collector.messages);
    else if (status == FN_ERR_READ)
        fn_fail(err, status, "tile %s cannot be read%s: %s", Describe(window).c_str(),
                m_plan->inputs.size() > 1 ? (" from " + m_reader->WhatIsRead()).c_str() : "",
                m_reader->Cause(collector).c_str());
    else
        fn_fail(err, status, "tile %s: %s", Describe(window).c_str(),
                status == FN_ERR_CANCELLED ? "cancelled" : reason.text);
    return status;
}

} // namespace fishnet
